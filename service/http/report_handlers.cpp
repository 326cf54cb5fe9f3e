// Payments, sessions and refunds: in pages as JSON, or the whole range as CSV or NDJSON.
#include "domain/currency.h"
#include "finance/row_format.h"
#include "http/answers.h"
#include "http/export_body.h"
#include "http/handlers.h"
#include "http/page_text.h"
#include "http/query_reader.h"
#include "http/row_cursor.h"

#include <algorithm>
#include <tuple>

namespace checkout {

namespace {

constexpr std::string_view media_types[] = {"application/json", "text/csv", "application/x-ndjson"};
constexpr std::size_t csv_type = 1;
constexpr std::size_t ndjson_type = 2;

/// A report's parameters but for its range, currency and page.
struct report_parameters {
    report_name report;
    char cursor_kind;
    void (*read)(query_reader& query, report_query& into);
};

std::optional<std::string> read_currency(query_reader& query) {
    auto given = query.text("currency");
    if (given && !find_minor_digits(*given))
        query.refuse("currency", "Must be an ISO 4217 code in upper case.");
    return given;
}

template <class Value>
std::optional<std::string> read_name(query_reader& query, std::string_view parameter, std::string message) {
    auto given = query.text(parameter);
    if (given && !find_value<Value>(*given))
        query.refuse(parameter, std::move(message));
    return given;
}

void read_payment_filters(query_reader& query, report_query& into) {
    into.state = read_name<amount_verdict>(query, "verdict", "There is no such verdict.");
    const auto axis = query.text("axis");
    if (axis && *axis == "paymentTime")
        into.axis = report_axis::payment_time;
    else if (axis && *axis != "recordedAt")
        query.refuse("axis", "Must be recordedAt or paymentTime.");
}

void read_session_filters(query_reader& query, report_query& into) {
    into.state = read_name<session_status>(query, "status", "There is no such status of a session.");
    into.payment_status =
        read_name<payment_status>(query, "paymentStatus", "Must be unpaid, processing or paid.");
}

void read_refund_filters(query_reader& query, report_query& into) {
    into.state = read_name<refund_status>(query, "status", "There is no such status of a refund.");
}

constexpr report_parameters payments{report_name::payments, 'r', read_payment_filters};
constexpr report_parameters sessions{report_name::sessions, 's', read_session_filters};
constexpr report_parameters refunds{report_name::refunds, 'f', read_refund_filters};

report_query read_query(query_reader& query, const report_parameters& parameters) {
    report_query wanted;
    wanted.report = parameters.report;
    std::tie(wanted.from, wanted.to) = query.range();
    wanted.currency = read_currency(query);
    parameters.read(query, wanted);
    return wanted;
}

/// Of the axis that the page is in order of.
char cursor_kind(const report_parameters& parameters, const report_query& wanted) {
    return wanted.axis == report_axis::payment_time ? 'p' : parameters.cursor_kind;
}

std::optional<report_position> read_position(query_reader& query, char kind) {
    const auto given = query.text("cursor");
    if (!given)
        return std::nullopt;
    auto place = read_row_cursor(kind, *given);
    if (!place)
        query.refuse("cursor", "Not a cursor of this list.");
    return place;
}

async_reply answer_page(services& with, const report_parameters& parameters, query_reader query,
                        call_context context) {
    auto wanted = read_query(query, parameters);
    const auto kind = cursor_kind(parameters, wanted);
    auto after = read_position(query, kind);
    const auto limit = static_cast<std::size_t>(query.limit());
    if (auto wrong = query.finish())
        co_return std::move(*wrong);
    wanted.context = std::move(context);
    const auto columns = columns_of(wanted.report);
    const auto page =
        co_await with.reports.read_page(std::move(wanted), std::move(after), static_cast<int>(limit) + 1);
    page_text text(columns);
    for (std::size_t i = 0; i < std::min(page.rows.size(), limit); ++i)
        text.add(page.rows.row(i));
    if (page.rows.size() > limit)
        text.set("nextCursor", write_row_cursor(kind, page.places[limit - 1]));
    else
        text.set("nextCursor", nullptr);
    text.set("asOf", to_rfc3339_micros(page.as_of));
    co_return json_text_answer(200, text.finish());
}

async_reply answer_whole(services& with, const report_parameters& parameters, query_reader query,
                         row_format format, call_context context) {
    auto wanted = read_query(query, parameters);
    wanted.context = context;
    for (const auto* name : {"cursor", "limit"})
        if (query.text(name))
            query.refuse(name, "A stream gives the whole range.");
    if (auto wrong = query.finish())
        co_return std::move(*wrong);
    auto job = with.exports.start(wanted, format);
    if (!job)
        co_return problem{.code = problem_code::overloaded,
                          .detail = "As many exports as may be are under way."};
    const auto as_of = co_await job->open();
    co_return export_answer(std::move(job), wanted.report, format, as_of, std::move(context));
}

async_reply refuse_type() {
    co_return problem{.code = problem_code::not_acceptable,
                      .detail = "The list is given as application/json, text/csv or application/x-ndjson."};
}

async_reply answer_report(services& with, const report_parameters& parameters, call request) {
    const auto type = choose_media_type(request.request, media_types);
    if (!type)
        return refuse_type();
    query_reader query(request.request.query);
    if (*type == csv_type || *type == ndjson_type)
        return answer_whole(with, parameters, std::move(query),
                            *type == csv_type ? row_format::csv : row_format::ndjson,
                            std::move(request.context));
    return answer_page(with, parameters, std::move(query), std::move(request.context));
}

} // namespace

async_reply list_payments(services& with, call request) {
    return answer_report(with, payments, std::move(request));
}

async_reply list_sessions(services& with, call request) {
    return answer_report(with, sessions, std::move(request));
}

async_reply list_refunds(services& with, call request) {
    return answer_report(with, refunds, std::move(request));
}

} // namespace checkout
