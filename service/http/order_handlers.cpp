#include "http/answers.h"
#include "http/handlers.h"
#include "http/query_reader.h"
#include "http/text_rules.h"
#include "http/wire.h"

namespace checkout {

namespace {

constexpr char event_cursor = 'e';

problem no_order() {
    return {.code = problem_code::order_not_found, .detail = "There is no such order."};
}

visibility seen_by(const call& request) {
    return request.scopes.contains(api_scope::finance) ? visibility::everything : visibility::storefront;
}

/// The order that the path names; nothing for a text that can name none.
boost::asio::awaitable<std::optional<order_record>> find_order(services& with, std::string text) {
    if (!is_merchant_order_id(text))
        co_return std::nullopt;
    co_return co_await with.orders.find_whole_order(merchant_order_id(std::move(text)));
}

boost::asio::awaitable<http_response> describe_order(services& with, order_record order, visibility seen) {
    const auto open = co_await with.discrepancies.list_open(order.key);
    co_return json_answer(200, to_json_order(order, open, seen));
}

std::int64_t read_event_cursor(query_reader& query) {
    const auto given = query.text("cursor");
    if (!given)
        return 0;
    if (const auto numbers = read_cursor(event_cursor, 1, *given))
        return numbers->front();
    query.refuse("cursor", "Not a cursor of this list.");
    return 0;
}

} // namespace

async_reply get_order(services& with, call request) {
    auto order = co_await find_order(with, request.parameters.front());
    if (!order)
        co_return no_order();
    co_return co_await describe_order(with, std::move(*order), seen_by(request));
}

async_reply list_order_events(services& with, call request) {
    query_reader query(request.request.query);
    const auto after = read_event_cursor(query);
    const auto limit = query.limit();
    if (auto wrong = query.finish())
        co_return std::move(*wrong);
    const auto order = co_await find_order(with, request.parameters.front());
    if (!order)
        co_return no_order();
    auto events = co_await with.orders.list_events(order->key, after, limit + 1);
    std::optional<std::string> next;
    if (events.size() > static_cast<std::size_t>(limit)) {
        events.pop_back();
        next = write_cursor(event_cursor, {events.back().id});
    }
    json_array items;
    for (const auto& event : events)
        items.push_back(to_json_event(event, seen_by(request)));
    co_return json_answer(200, to_json_items(std::move(items), std::move(next)));
}

async_reply explain_order(services& with, call request) {
    const auto order = co_await find_order(with, request.parameters.front());
    if (!order)
        co_return no_order();
    const auto open = co_await with.discrepancies.list_open(order->key);
    co_return json_answer(200, to_json_explanation(*order, open, seen_by(request)));
}

async_reply cancel_order(services& with, call request) {
    auto text = request.parameters.front();
    if (!is_merchant_order_id(text))
        co_return no_order();
    const merchant_order_id id(std::move(text));
    const auto cancelled = co_await with.desk.cancel(id, request.context);
    if (cancelled.has_error())
        co_return to_problem(cancelled.error());
    auto order = co_await with.orders.find_whole_order(id);
    if (!order)
        co_return no_order();
    co_return co_await describe_order(with, std::move(*order), seen_by(request));
}

} // namespace checkout
