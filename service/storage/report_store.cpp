#include "storage/report_store.h"

#include "storage/feed_head.h"
#include "storage/report_select.h"
#include "storage/rows.h"
#include "storage/session.h"

#include <algorithm>

namespace checkout {

namespace {

/// A report's SQL: its view, in it the columns of columns_of(), what it is ordered by, and what filters look
/// at.
struct report_source {
    const char* columns;
    const char* from;
    const char* at;
    const char* id;
    const char* id_type;
    const char* currency = nullptr;
    const char* state = nullptr;
    const char* payment_status = nullptr;
};

constexpr report_source payments{
    .columns = "recorded_at, payment_id, session_id, clink_order_id, attempt, kind, verdict, original_amount,"
               " original_currency, amount_total, payment_currency, amount_subtotal, clink_original_currency,"
               " refunded_amount, payment_time, evidence, subscription_id, invoice_id, merchant_order_id,"
               " merchant_reference_id",
    .from = "reconciliation.payments",
    .at = "recorded_at",
    .id = "payment_id",
    .id_type = "bigint",
    .currency = "original_currency",
    .state = "verdict"};

constexpr report_source sessions{
    .columns =
        "created_at, attempt_id, session_id, clink_order_id, attempt, status, payment_status, "
        "original_amount,"
        " original_currency, amount_total, payment_currency, verdict, ui_mode, released_at, expire_time,"
        " superseded_at, ended_at, settled_by, checked_at, refusal_code, customer_id, merchant_order_id,"
        " merchant_reference_id",
    .from = "reconciliation.sessions",
    .at = "created_at",
    .id = "attempt_id",
    .id_type = "uuid",
    .currency = "original_currency",
    .state = "status",
    .payment_status = "payment_status"};

constexpr report_source refunds{
    .columns =
        "recorded_at, record_no, refund_id, clink_order_id, session_id, payment_id, status, refund_amount,"
        " refund_currency, refund_time, updated_at, evidence, failure_code, refund_merchant_order_id,"
        " merchant_order_id, merchant_reference_id, refund_reason",
    .from = "reconciliation.refunds",
    .at = "recorded_at",
    .id = "record_no",
    .id_type = "bigint",
    .currency = "refund_currency",
    .state = "status"};

constexpr report_source events{
    .columns =
        "feed_no, event_id, at, kind, attempt, session_id, source, request_id, merchant_order_id, data",
    .from = "reconciliation.events",
    .at = "at",
    .id = "feed_no",
    .id_type = "bigint"};

const report_source& source_of(report_name report) {
    switch (report) {
    case report_name::payments:
        return payments;
    case report_name::sessions:
        return sessions;
    case report_name::refunds:
        return refunds;
    case report_name::events:
        return events;
    }
    return payments;
}

/// Conditions joined by "and", each with its value as the next parameter.
class condition_list {
public:
    template <class Value>
    void add(std::string condition, const Value& value) {
        values_.append(value);
        join(std::move(condition) + "$" + std::to_string(++count_));
    }
    void add(const char* condition, const std::optional<std::string>& value) {
        if (value && condition != nullptr)
            add(condition + std::string(" = "), *value);
    }
    void add_after(const report_source& source, const std::string& at, const report_position& after) {
        values_.append(write_instant(after.at));
        values_.append(after.id);
        join("(" + at + ", " + source.id + ") > ($" + std::to_string(count_ + 1) + "::timestamptz, $"
             + std::to_string(count_ + 2) + "::" + source.id_type + ")");
        count_ += 2;
    }
    void add_range(const std::string& at, const report_query& query) {
        if (query.from)
            add(at + " >= ", write_instant(*query.from));
        if (query.to)
            add(at + " < ", write_instant(*query.to));
    }
    void join(const std::string& condition) { text_ += (text_.empty() ? " where " : " and ") + condition; }

    const std::string& text() const { return text_; }
    pqxx::params take_values() { return std::move(values_); }

private:
    std::string text_;
    pqxx::params values_;
    int count_ = 0;
};

// Events are read by their numbers, which follow their times within seconds.
constexpr const char* select_feed_range =
    "select min(f.feed_no) as first, max(f.feed_no) as last from checkout.events e"
    " join checkout.feed f on f.event_id = e.event_id"
    " where e.at >= coalesce($1::timestamptz, '-infinity') and e.at < coalesce($2::timestamptz, 'infinity')";

const std::string feed_page_text =
    std::string("select ") + events.columns
    + " from reconciliation.events where feed_no > $1 order by feed_no limit $2";
const sql_statement select_feed{"select_feed", feed_page_text.c_str()};

constexpr sql_statement select_totals{"select_totals",
                                      R"sql(
with lines as materialized (
    select * from reconciliation.totals(coalesce($1::timestamptz, '-infinity'), coalesce($2::timestamptz, 'infinity'))
)
select day, entry, currency, original_currency, state, payment_status, count, amount, original_amount, refunded_amount
from lines
union all
select null, entry, currency, original_currency, state, payment_status, sum(count)::bigint, sum(amount),
    sum(original_amount), sum(refunded_amount)
from lines group by entry, currency, original_currency, state, payment_status
order by day nulls last, entry, currency, original_currency, state, payment_status)sql"};

total_line read_total(const pqxx::row& row) {
    return {.day = read_optional_text(row["day"]),
            .entry = row["entry"].as<std::string>(),
            .currency = read_optional_text(row["currency"]),
            .original_currency = read_optional_text(row["original_currency"]),
            .state = row["state"].as<std::string>(),
            .payment_status = read_optional_text(row["payment_status"]),
            .count = row["count"].as<std::int64_t>(),
            .amount = read_optional_text(row["amount"]),
            .original_amount = read_optional_text(row["original_amount"]),
            .refunded_amount = read_optional_text(row["refunded_amount"])};
}

} // namespace

std::optional<feed_range> find_feed_range(pqxx::transaction_base& snapshot, const report_query& query) {
    if (query.report != report_name::events)
        return std::nullopt;
    const auto row =
        snapshot.exec(select_feed_range, pqxx::params{write_instant(query.from), write_instant(query.to)})
            .one_row();
    if (row["first"].is_null())
        return std::nullopt;
    return feed_range{row["first"].as<std::int64_t>(), row["last"].as<std::int64_t>()};
}

report_select select_report(const report_query& query, const std::optional<report_position>& after, int limit,
                            const std::optional<feed_range>& numbers) {
    const auto& source = source_of(query.report);
    const bool by_payment = query.report == report_name::payments && query.axis == report_axis::payment_time;
    const std::string at = by_payment ? "payment_time" : source.at;
    condition_list where;
    where.add_range(at, query);
    if (numbers) {
        where.add("feed_no >= ", numbers->first);
        where.add("feed_no <= ", numbers->last);
    }
    if (by_payment && !query.from)
        where.join(at + " is not null");
    where.add(source.currency, query.currency);
    where.add(source.state, query.state);
    where.add(source.payment_status, query.payment_status);
    if (after)
        where.add_after(source, at, *after);
    report_select select;
    // A feed is ordered by its numbers, whatever the range.
    const std::string order = query.report == report_name::events ? source.id : at + ", " + source.id;
    select.text = std::string("select ") + source.columns + ", " + at + " as place_at, " + source.id
                  + " as place_id from " + source.from + where.text() + " order by " + order;
    if (limit > 0)
        select.text += " limit " + std::to_string(limit);
    select.text += trace_comment(query.context);
    select.values = where.take_values();
    return select;
}

std::string trace_comment(const call_context& context) {
    return context.trace.exists() ? " /*traceparent='" + write_traceparent(context.trace) + "'*/" : "";
}

report_rows take_rows(pqxx::result found, std::size_t columns) {
    auto owner = std::make_shared<const pqxx::result>(std::move(found));
    std::vector<report_rows::cell> cells;
    cells.reserve(static_cast<std::size_t>(owner->size()) * columns);
    for (const auto& row : *owner) {
        for (std::size_t i = 0; i < columns; ++i) {
            const auto field = row[static_cast<pqxx::row::size_type>(i)];
            cells.push_back(field.is_null() ? std::nullopt : report_rows::cell(field.view()));
        }
    }
    return {columns, std::move(cells), std::move(owner)};
}

boost::asio::awaitable<report_page> report_store::read_page(report_query query,
                                                            std::optional<report_position> after, int limit) {
    return db_.run(
        "read_report", operation_mode::read,
        [query = std::move(query), after = std::move(after), limit](db_session& session) {
            report_page page;
            page.as_of = read_feed_head(session).complete_to;
            const auto select = select_report(query, after, limit);
            auto found = session.run_once(select.text, select.values);
            for (const auto& row : found)
                page.places.push_back({read_instant(row["place_at"]), row["place_id"].as<std::string>()});
            page.rows = take_rows(std::move(found), columns_of(query.report).size());
            return page;
        });
}

boost::asio::awaitable<feed_page> report_store::read_feed(std::int64_t after, int limit) {
    return db_.run("read_feed", operation_mode::read, [after, limit](db_session& session) {
        const auto head = read_feed_head(session);
        auto found = session.run(select_feed, after, limit);
        feed_page page;
        page.as_of = head.complete_to;
        page.last_no = head.last_no;
        if (!found.empty())
            page.last_read = found[found.size() - 1]["feed_no"].as<std::int64_t>();
        page.last_no = std::max(page.last_no, page.last_read);
        page.rows = take_rows(std::move(found), columns_of(report_name::events).size());
        return page;
    });
}

boost::asio::awaitable<summary> report_store::summarise(std::optional<instant> from,
                                                        std::optional<instant> to) {
    return db_.run("summarise", operation_mode::read, [from, to](db_session& session) {
        summary found;
        found.as_of = read_feed_head(session).complete_to;
        for (const auto& row : session.run(select_totals, write_instant(from), write_instant(to)))
            found.lines.push_back(read_total(row));
        return found;
    });
}

} // namespace checkout
