#include "http/answers.h"
#include "http/handlers.h"
#include "http/query_reader.h"
#include "http/wire.h"

namespace checkout {

namespace {

constexpr char discrepancy_cursor = 'd';

std::optional<std::string> read_state(query_reader& query) {
    auto given = query.text("state");
    if (given && *given != "open" && *given != "resolved")
        query.refuse("state", "Must be open or resolved.");
    return given;
}

std::optional<discrepancy_kind> read_kind(query_reader& query) {
    const auto given = query.text("kind");
    if (!given)
        return std::nullopt;
    const auto kind = find_value<discrepancy_kind>(*given);
    if (!kind)
        query.refuse("kind", "There is no such kind.");
    return kind;
}

std::int64_t read_position(query_reader& query) {
    const auto given = query.text("cursor");
    if (!given)
        return 0;
    if (const auto numbers = read_cursor(discrepancy_cursor, 1, *given))
        return numbers->front();
    query.refuse("cursor", "Not a cursor of this list.");
    return 0;
}

} // namespace

async_reply list_discrepancies(services& with, call request) {
    query_reader query(request.request.query);
    discrepancy_query wanted;
    wanted.state = read_state(query);
    wanted.kind = read_kind(query);
    wanted.after = read_position(query);
    wanted.limit = query.limit();
    if (auto wrong = query.finish())
        co_return std::move(*wrong);
    const auto limit = static_cast<std::size_t>(wanted.limit++);
    auto lines = co_await with.discrepancies.list(std::move(wanted));
    std::optional<std::string> next;
    if (lines.size() > limit) {
        lines.pop_back();
        next = write_cursor(discrepancy_cursor, {lines.back().found.id});
    }
    json_array items;
    for (const auto& line : lines)
        items.push_back(to_json_line(line));
    co_return json_answer(200, to_json_items(std::move(items), std::move(next)));
}

} // namespace checkout
