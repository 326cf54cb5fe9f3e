#include "http/answers.h"
#include "http/field_reader.h"
#include "http/handlers.h"
#include "http/query_reader.h"
#include "http/wire.h"

#include <algorithm>
#include <charconv>
#include <variant>

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

constexpr std::size_t max_resolution_characters = 200;
constexpr std::size_t max_note_characters = 2'000;
constexpr std::size_t max_id_digits = 18;

constexpr member_rule<discrepancy_resolution> resolution_members[] = {
    {"resolution", presence::required,
     [](const field& in, discrepancy_resolution& out) {
         out.resolution = read_prose(in, max_resolution_characters).value_or("");
     }},
    {"note", presence::optional,
     [](const field& in, discrepancy_resolution& out) { out.note = read_prose(in, max_note_characters); }},
};

std::variant<discrepancy_resolution, problem> read_resolution(std::string_view body) {
    const auto parsed = parse_json(body);
    if (!parsed)
        return make_json_problem(parsed.error());
    field_errors errors;
    discrepancy_resolution read;
    const field root{*parsed, "", errors};
    refuse_null_characters(root);
    if (const auto* object = read_object(root))
        read_members(*object, root.pointer, errors, resolution_members, read);
    if (!errors.empty())
        return make_validation_problem(errors.take());
    return read;
}

std::optional<std::int64_t> read_id(std::string_view text) {
    const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    std::int64_t id = 0;
    if (!digits || text.size() > max_id_digits
        || std::from_chars(text.data(), text.data() + text.size(), id).ec != std::errc{})
        return std::nullopt;
    return id;
}

problem no_discrepancy() {
    return {.code = problem_code::discrepancy_not_found, .detail = "There is no such discrepancy."};
}

} // namespace

async_reply list_discrepancies(services& with, call request) {
    if (auto wrong = refuse_other_types(request.request))
        co_return std::move(*wrong);
    query_reader query(request.request.query);
    discrepancy_query wanted;
    wanted.state = read_state(query);
    wanted.kind = read_kind(query);
    wanted.after = read_position(query);
    wanted.limit = query.limit();
    if (auto wrong = query.finish())
        co_return std::move(*wrong);
    const auto limit = static_cast<std::size_t>(wanted.limit++);
    auto [as_of, lines] = co_await with.listed_discrepancies.list(std::move(wanted));
    std::optional<std::string> next;
    if (lines.size() > limit) {
        lines.pop_back();
        next = write_cursor(discrepancy_cursor, {lines.back().found.id});
    }
    json_array items;
    for (const auto& line : lines)
        items.push_back(to_json_line(line));
    auto page = to_json_items(std::move(items), std::move(next));
    page.push_back({"asOf", to_rfc3339_micros(as_of)});
    co_return json_answer(200, std::move(page));
}

async_reply resolve_discrepancy(services& with, call request) {
    auto read = read_resolution(request.request.body);
    if (auto* wrong = std::get_if<problem>(&read))
        co_return std::move(*wrong);
    auto by = std::get<discrepancy_resolution>(std::move(read));
    const auto id = read_id(request.parameters.front());
    if (!id)
        co_return no_discrepancy();
    by.id = *id;
    by.actor = request.caller;
    by.request_id = request.context.request_id;
    const auto now = co_await with.discrepancies.resolve(by);
    if (!now)
        co_return no_discrepancy();
    if (now->resolution != by.resolution || now->note != by.note)
        co_return problem{.code = problem_code::discrepancy_already_resolved,
                          .detail = "It was resolved already, with another resolution or note."};
    co_return json_answer(200, to_json_line(*now));
}

} // namespace checkout
