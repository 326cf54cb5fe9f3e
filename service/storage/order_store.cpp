#include "storage/order_store.h"

#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

// An order and its sessions in one snapshot: the version that a later compare-and-set names is of the same
// moment.
const std::string select_head =
    std::string("select ") + order_columns + ", " + session_columns
    + " from checkout.orders o join checkout.sessions s on s.order_id = o.order_id where ";
// What decisions look at: the attempts that Clink knows, the one under way and the last. A storefront that
// retries through an outage of Clink's leaves hundreds of others.
const std::string relevant = " and (s.clink_session_id is not null or s.status = 'creating' or s.attempt = "
                             "o.last_attempt) order by s.attempt";

const std::string whole = select_head + "o.merchant_order_id = $1 order by s.attempt";
const std::string by_merchant_id = select_head + "o.merchant_order_id = $1" + relevant;
const std::string by_session_id =
    select_head + "o.order_id = (select order_id from checkout.sessions where clink_session_id = $1)"
    + relevant;
const std::string by_attempt =
    select_head
    + "o.order_id = (select order_id from checkout.sessions where attempt_id = $1::uuid)"
      " order by s.attempt";
const std::string by_clink_order =
    select_head
    + "o.order_id = (select order_id from checkout.payments where clink_order_id = $1"
      " union select order_id from checkout.refunds where clink_order_id = $1 and payment_id is null"
      " and order_id is not null limit 1)"
    + relevant;
const std::string payments_of = std::string("select ") + payment_columns
                                + " from checkout.payments p where p.order_id = $1 order by p.payment_id";
const std::string refunds_of = std::string("select ") + refund_columns
                               + " from checkout.refunds r where r.order_id = $1 order by r.refund_id";
const std::string disputes_of = std::string("select ") + dispute_columns
                                + " from checkout.disputes d where d.order_id = $1 order by d.dispute_id";

const sql_statement find_whole{"find_whole_order", whole.c_str()};
const sql_statement find_by_merchant_id{"find_order_by_merchant_id", by_merchant_id.c_str()};
const sql_statement find_by_session_id{"find_order_by_session_id", by_session_id.c_str()};
const sql_statement find_by_attempt{"find_order_by_attempt", by_attempt.c_str()};
const sql_statement find_by_clink_order{"find_order_by_clink_order", by_clink_order.c_str()};
const sql_statement select_payments{"select_payments_of_order", payments_of.c_str()};
const sql_statement select_refunds{"select_refunds_of_order", refunds_of.c_str()};
const sql_statement select_disputes{"select_disputes_of_order", disputes_of.c_str()};

std::optional<order_record> read_by(db_session& session, const sql_statement& statement,
                                    const std::string& key) {
    const auto rows = session.run(statement, key);
    if (rows.empty())
        return std::nullopt;
    auto order = read_order(rows[0]);
    for (const auto& row : rows)
        order.sessions.push_back(read_session(row));
    const auto key_of_order = static_cast<std::int64_t>(order.key);
    if (order.payment_count > 0)
        for (const auto& row : session.run(select_payments, key_of_order))
            order.payments.push_back(read_payment(row));
    if (order.refund_count > 0)
        for (const auto& row : session.run(select_refunds, key_of_order))
            order.refunds.push_back(read_refund(row));
    return order;
}

std::optional<order_record> read_whole(db_session& session, const std::string& key) {
    auto order = read_by(session, find_whole, key);
    if (order)
        for (const auto& row : session.run(select_disputes, static_cast<std::int64_t>(order->key)))
            order->disputes.push_back(read_dispute(row));
    return order;
}

constexpr sql_statement select_events{
    "select_events",
    "select e.event_id, e.kind, e.at, s.attempt, (s.released_at is not null or (s.attempt is null"
    " and not e.data ? 'sessionId')) as released, e.source, e.request_id, e.data from checkout.events e"
    " left join checkout.sessions s using (attempt_id)"
    " where e.order_id = $1 and e.event_id > $2 order by e.event_id limit $3"};

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

} // namespace

boost::asio::awaitable<std::optional<order_record>> order_store::find_order(merchant_order_id id) {
    return db_.run("find_order", operation_mode::read, [id = std::move(id)](db_session& session) {
        return read_by(session, find_by_merchant_id, id.str());
    });
}

boost::asio::awaitable<std::optional<order_record>> order_store::find_whole_order(merchant_order_id id) {
    return db_.run("find_whole_order", operation_mode::read,
                   [id = std::move(id)](db_session& session) { return read_whole(session, id.str()); });
}

boost::asio::awaitable<std::optional<order_record>> order_store::find_order_of(clink_session_id id) {
    return db_.run("find_order_of_session", operation_mode::read, [id = std::move(id)](db_session& session) {
        return read_by(session, find_by_session_id, id.str());
    });
}

boost::asio::awaitable<std::optional<order_record>> order_store::find_order_of(attempt_id id) {
    return db_.run("find_order_of_attempt", operation_mode::read, [id = std::move(id)](db_session& session) {
        return read_by(session, find_by_attempt, id.str());
    });
}

boost::asio::awaitable<std::optional<order_record>> order_store::find_order_of(clink_order_id id) {
    return db_.run("find_order_of_clink_order", operation_mode::read,
                   [id = std::move(id)](db_session& session) {
                       return read_by(session, find_by_clink_order, id.str());
                   });
}

boost::asio::awaitable<std::vector<event_record>> order_store::list_events(order_key order,
                                                                           std::int64_t after, int limit) {
    return db_.run("list_events", operation_mode::read, [order, after, limit](db_session& session) {
        std::vector<event_record> events;
        for (const auto& row : session.run(select_events, static_cast<std::int64_t>(order), after, limit))
            events.push_back(read_event(row));
        return events;
    });
}

} // namespace checkout
