#include "http/answers.h"
#include "http/handlers.h"
#include "http/page_text.h"
#include "http/query_reader.h"

#include <limits>

namespace checkout {

namespace {

constexpr char feed_cursor = 'n';
constexpr std::int64_t max_wait_seconds = 30;

/// Where to go on: `after`, or the cursor of the page before.
std::int64_t read_place(query_reader& query) {
    const auto after = query.number("after", 0, std::numeric_limits<std::int64_t>::max());
    const auto cursor = query.text("cursor");
    if (!cursor)
        return after.value_or(0);
    const auto numbers = read_cursor(feed_cursor, 1, *cursor);
    if (after)
        query.refuse("cursor", "Must not be given together with after.");
    else if (!numbers || numbers->front() < 0)
        query.refuse("cursor", "Not a cursor of this list.");
    else
        return numbers->front();
    return 0;
}

} // namespace

async_reply read_feed(services& with, call request) {
    if (auto wrong = refuse_other_types(request.request))
        co_return std::move(*wrong);
    query_reader query(request.request.query);
    const auto after = read_place(query);
    const auto limit = query.limit();
    const std::chrono::seconds patience(query.number("wait", 0, max_wait_seconds).value_or(0));
    if (auto wrong = query.finish())
        co_return std::move(*wrong);
    if (patience.count() > 0 && with.feed.is_full())
        co_return problem{.code = problem_code::overloaded,
                          .detail = "As many readers as may be are waiting for events."};
    const auto page = co_await with.feed.read(after, limit, patience);
    page_text text(columns_of(report_name::events));
    for (std::size_t i = 0; i < page.rows.size(); ++i)
        text.add(page.rows.row(i));
    const bool more = page.rows.size() > 0 && page.last_read < page.last_no;
    text.set("nextCursor", more ? json_value(write_cursor(feed_cursor, {page.last_read})) : json_value());
    text.set("lastFeedNo", page.last_no);
    text.set("asOf", to_rfc3339_micros(page.as_of));
    co_return json_text_answer(200, text.finish());
}

} // namespace checkout
