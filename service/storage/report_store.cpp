#include "storage/report_store.h"

#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

constexpr sql_statement select_events{
    "select_events",
    "select e.event_id, e.kind, e.at, s.attempt, (s.released_at is not null or (s.attempt is null"
    " and not e.data ? 'sessionId')) as released, e.source, e.request_id, e.data from checkout.events e"
    " left join checkout.sessions s using (attempt_id)"
    " where e.order_id = $1 and e.event_id > $2 order by e.event_id limit $3"};

std::string payments_by(const std::string& axis) {
    return std::string("select ") + payment_columns
           + ", o.merchant_order_id, s.clink_session_id, s.attempt from checkout.payments p"
             " join checkout.orders o on o.order_id = p.order_id"
             " join checkout.sessions s on s.attempt_id = p.attempt_id"
             " where "
           + axis + " >= coalesce($1::timestamptz, '-infinity') and " + axis
           + " < coalesce($2::timestamptz, 'infinity') and (" + axis
           + ", p.payment_id) > (coalesce($3::timestamptz, '-infinity'), $4::bigint)"
             " and ($5::text is null or p.original_currency = $5) and ($6::text is null or p.verdict = $6)"
             " order by "
           + axis + ", p.payment_id limit $7";
}

const std::string by_recorded_at = payments_by("p.recorded_at");
const std::string by_payment_time = payments_by("p.payment_time");
const sql_statement payments_by_recorded_at{"payments_by_recorded_at", by_recorded_at.c_str()};
const sql_statement payments_by_payment_time{"payments_by_payment_time", by_payment_time.c_str()};

const sql_statement& statement_for(payment_axis axis) {
    switch (axis) {
    case payment_axis::recorded_at:
        return payments_by_recorded_at;
    case payment_axis::payment_time:
        return payments_by_payment_time;
    }
    return payments_by_recorded_at;
}

event_record read_event(const pqxx::row& row) {
    return {.id = row["event_id"].as<std::int64_t>(),
            .kind = row["kind"].as<std::string>(),
            .at = read_instant(row["at"]),
            .attempt = row["attempt"].as<std::optional<int>>(),
            .released = row["released"].as<bool>(),
            .source = read_optional_text(row["source"]),
            .request_id = read_optional_text(row["request_id"]),
            .data = row["data"].as<std::string>()};
}

payment_line read_line(const pqxx::row& row) {
    payment_line line{.payment = read_payment(row),
                      .order_id = merchant_order_id(row["merchant_order_id"].as<std::string>()),
                      .session_id = {},
                      .attempt = row["attempt"].as<int>()};
    if (auto id = read_optional_text(row["clink_session_id"]))
        line.session_id = clink_session_id(std::move(*id));
    return line;
}

} // namespace

boost::asio::awaitable<std::vector<event_record>> report_store::list_events(order_key order,
                                                                            std::int64_t after, int limit) {
    return db_.run("list_events", operation_mode::read, [order, after, limit](db_session& session) {
        std::vector<event_record> events;
        for (const auto& row : session.run(select_events, static_cast<std::int64_t>(order), after, limit))
            events.push_back(read_event(row));
        return events;
    });
}

boost::asio::awaitable<std::vector<payment_line>> report_store::list_payments(payment_query query) {
    return db_.run("list_payments", operation_mode::read, [query = std::move(query)](db_session& session) {
        const auto after = query.after ? std::optional(write_instant(query.after->at)) : std::nullopt;
        const auto verdict =
            query.verdict ? std::optional(std::string(to_string(*query.verdict))) : std::nullopt;
        std::vector<payment_line> lines;
        for (const auto& row :
             session.run(statement_for(query.axis), write_instant(query.from), write_instant(query.to), after,
                         query.after ? query.after->payment_id : 0, query.currency, verdict, query.limit))
            lines.push_back(read_line(row));
        return lines;
    });
}

} // namespace checkout
