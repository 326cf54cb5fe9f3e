#include "domain/currency.h"
#include "http/answers.h"
#include "http/handlers.h"
#include "http/query_reader.h"
#include "http/wire.h"

namespace checkout {

namespace {

constexpr char recorded_cursor = 'r';
constexpr char paid_cursor = 'p';

char cursor_kind(payment_axis axis) {
    return axis == payment_axis::recorded_at ? recorded_cursor : paid_cursor;
}

payment_axis read_axis(query_reader& query) {
    const auto given = query.text("axis");
    if (!given || *given == "recordedAt")
        return payment_axis::recorded_at;
    if (*given != "paymentTime")
        query.refuse("axis", "Must be recordedAt or paymentTime.");
    return payment_axis::payment_time;
}

std::optional<std::string> read_currency(query_reader& query) {
    auto given = query.text("currency");
    if (given && !find_minor_digits(*given))
        query.refuse("currency", "Must be an ISO 4217 code in upper case.");
    return given;
}

std::optional<amount_verdict> read_verdict(query_reader& query) {
    const auto given = query.text("verdict");
    if (!given)
        return std::nullopt;
    const auto verdict = find_value<amount_verdict>(*given);
    if (!verdict)
        query.refuse("verdict", "There is no such verdict.");
    return verdict;
}

std::optional<payment_position> read_position(query_reader& query, payment_axis axis) {
    const auto given = query.text("cursor");
    if (!given)
        return std::nullopt;
    const auto numbers = read_cursor(cursor_kind(axis), 2, *given);
    if (numbers) {
        const payment_position position{instant(std::chrono::microseconds(numbers->at(0))), numbers->at(1)};
        if (query_reader::is_in_range(position.at))
            return position;
    }
    query.refuse("cursor", "Not a cursor of this list.");
    return std::nullopt;
}

payment_query read_query(query_reader& query) {
    payment_query wanted;
    wanted.from = query.instant_or_date("from");
    wanted.to = query.instant_or_date("to");
    if (wanted.from && wanted.to && *wanted.to < *wanted.from)
        query.refuse("to", "Must not be before from.");
    wanted.axis = read_axis(query);
    wanted.currency = read_currency(query);
    wanted.verdict = read_verdict(query);
    wanted.after = read_position(query, wanted.axis);
    wanted.limit = query.limit();
    return wanted;
}

std::string cursor_after(const payment_line& line, payment_axis axis) {
    const auto& payment = line.payment;
    const auto at = axis == payment_axis::recorded_at ? payment.recorded_at : payment.payment_time.value();
    return write_cursor(cursor_kind(axis), {at.time_since_epoch().count(), payment.id});
}

} // namespace

async_reply list_payments(services& with, call request) {
    if (!may_send_json(request.request))
        co_return problem{.code = problem_code::not_acceptable,
                          .detail = "The list is given as application/json."};
    query_reader query(request.request.query);
    auto wanted = read_query(query);
    if (auto wrong = query.finish())
        co_return std::move(*wrong);
    const auto limit = static_cast<std::size_t>(wanted.limit++);
    const auto axis = wanted.axis;
    auto lines = co_await with.reports.list_payments(std::move(wanted));
    std::optional<std::string> next;
    if (lines.size() > limit) {
        lines.pop_back();
        next = cursor_after(lines.back(), axis);
    }
    json_array items;
    for (const auto& line : lines)
        items.push_back(to_json_line(line));
    co_return json_answer(200, to_json_items(std::move(items), std::move(next)));
}

} // namespace checkout
