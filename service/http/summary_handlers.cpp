#include "finance/row_format.h"
#include "http/answers.h"
#include "http/handlers.h"
#include "http/query_reader.h"

namespace checkout {

namespace {

json_value or_null(const std::optional<std::string>& text) {
    return text ? json_value(*text) : json_value();
}

json_value or_null(const std::optional<instant>& at) {
    return at ? json_value(to_rfc3339_micros(*at)) : json_value();
}

json_value amount_or_null(const std::optional<std::string>& number,
                          const std::optional<std::string>& currency) {
    return number ? json_value(format_database_amount(*number, currency.value_or(""))) : json_value();
}

json_object to_json(const total_line& line) {
    json_object object;
    if (line.day)
        object.push_back({"day", *line.day});
    object.push_back({"entry", line.entry});
    object.push_back({"currency", or_null(line.currency)});
    object.push_back({"originalCurrency", or_null(line.original_currency)});
    object.push_back({"state", line.state});
    object.push_back({"paymentStatus", or_null(line.payment_status)});
    object.push_back({"count", line.count});
    object.push_back({"amount", amount_or_null(line.amount, line.currency)});
    object.push_back({"originalAmount", amount_or_null(line.original_amount, line.original_currency)});
    object.push_back({"refundedAmount", amount_or_null(line.refunded_amount, line.currency)});
    return object;
}

} // namespace

async_reply summarise(services& with, call request) {
    if (auto wrong = refuse_other_types(request.request))
        co_return std::move(*wrong);
    query_reader query(request.request.query);
    const auto [from, to] = query.range();
    if (auto wrong = query.finish())
        co_return std::move(*wrong);
    const auto found = co_await with.reports.summarise(from, to);
    json_array items;
    json_array totals;
    for (const auto& line : found.lines)
        (line.day ? items : totals).push_back(to_json(line));
    co_return json_answer(200, json_object{{"from", or_null(from)},
                                           {"to", or_null(to)},
                                           {"asOf", to_rfc3339_micros(found.as_of)},
                                           {"items", std::move(items)},
                                           {"totals", std::move(totals)}});
}

} // namespace checkout
