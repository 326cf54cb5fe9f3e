#include "storage/settlement_store.h"

#include "storage/discrepancy_store.h"
#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

// The compare-and-set: takes the order's row, so that two sessions of one order settle one after the other.
constexpr sql_statement advance_state{
    "settle_order",
    "update checkout.orders set version = version + 1, state = $3, payment_count = $4, updated_at = now()"
    " where order_id = $1 and version = $2 returning order_id"};

// The page's token goes when the session ends.
constexpr sql_statement settle_session{"settle_session",
                                       R"sql(
update checkout.sessions set
    status = $2, payment_status = $3,
    ended_at = case when $4::boolean then now() else ended_at end,
    url = case when $4::boolean or ended_at is not null then null else url end,
    settled_by = case when $5::boolean or settled_by is null then $6 else settled_by end,
    expire_time = coalesce($7::timestamptz, expire_time),
    checked_at = now(), check_count = check_count + 1
where attempt_id = $1::uuid)sql"};

constexpr sql_statement insert_payment{"insert_payment",
                                       R"sql(
insert into checkout.payments (order_id, attempt_id, kind, clink_order_id, verdict, original_amount, original_currency,
    amount_total, amount_subtotal, payment_currency, clink_original_currency, subscription_id, invoice_id, payment_time,
    evidence)
values ($1, $2::uuid, $3, $4, $5, $6::numeric, $7, $8::numeric, $9::numeric, $10, $11, $12, $13, $14::timestamptz, $15))sql"};

constexpr sql_statement detail_payment{"detail_payment",
                                       R"sql(
update checkout.payments set clink_order_id = $2, verdict = $3, amount_total = $4::numeric, amount_subtotal = $5::numeric,
    payment_currency = $6, clink_original_currency = $7, subscription_id = $8, invoice_id = $9,
    payment_time = $10::timestamptz
where payment_id = $1)sql"};

constexpr sql_statement find_foreign_payment{
    "find_foreign_payment",
    "select payment_id from checkout.payments where clink_order_id = $1 and attempt_id <> $2::uuid"};

constexpr sql_statement insert_event{
    "insert_event",
    "insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)"
    " values ($1, $2::uuid, $3, $4, $5,"
    " $6::jsonb || case when $7::jsonb is null then '{}' else jsonb_build_object('clink', $7::jsonb) end)"};

constexpr sql_statement cancel_order{"cancel_order",
                                     R"sql(
with o as (
    update checkout.orders set version = version + 1, cancelled_at = now(), state = $3, updated_at = now()
    where order_id = $1 and version = $2 and cancelled_at is null and payment_count = 0
    returning order_id
)
insert into checkout.events (order_id, kind, request_id) select order_id, 'order_cancelled', $4 from o
returning event_id)sql"};

constexpr sql_statement count_check{"note_check", "update checkout.sessions set checked_at = now(), "
                                                  "check_count = check_count + 1 where attempt_id = $1::uuid"
                                                  " returning attempt_id"};

constexpr sql_statement record_cancel_visit{"note_cancel_visit",
                                            R"sql(
with s as (
    update checkout.sessions set cancel_visited_at = now()
    where attempt_id = $1::uuid and cancel_visited_at is null
    returning order_id, attempt_id
)
insert into checkout.events (order_id, attempt_id, kind, source, request_id)
select order_id, attempt_id, 'customer_left', null, $2 from s
returning event_id)sql"};

/// One settlement being written.
struct writing {
    db_session& session;
    std::int64_t order;
    const settlement& change;
    const settlement_evidence& found;

    void write_session() {
        if (!change.session) {
            session.run(count_check, change.attempt.str());
            return;
        }
        const auto& next = *change.session;
        session.run(settle_session, change.attempt.str(), to_string(next.status), to_string(next.payment),
                    next.ended, next.settled, to_string(change.source), write_instant(next.expire_time));
    }

    void write_new(const payment_record& payment) {
        session.run(insert_payment, order, payment.attempt.str(), to_string(payment.kind),
                    write_id(payment.order_id), to_string(payment.verdict),
                    payment.original.amount.to_string(), payment.original.currency,
                    write_decimal(payment.amount_total), write_decimal(payment.amount_subtotal),
                    payment.payment_currency, payment.clink_original_currency, payment.subscription_id,
                    payment.invoice_id, write_instant(payment.payment_time), to_string(payment.found_by));
    }

    void write_known(const payment_record& payment) {
        session.run(detail_payment, payment.id, write_id(payment.order_id), to_string(payment.verdict),
                    write_decimal(payment.amount_total), write_decimal(payment.amount_subtotal),
                    payment.payment_currency, payment.clink_original_currency, payment.subscription_id,
                    payment.invoice_id, write_instant(payment.payment_time));
    }

    void write_event(const event_draft& event, bool with_body) {
        session.run(insert_event, order, write_id(event.attempt), event.kind, to_string(change.source),
                    found.request_id, write_text_object(event.data),
                    with_body && !found.clink_body.empty() ? std::optional(found.clink_body) : std::nullopt);
    }

    void write_all() {
        write_session();
        for (const auto& payment : change.new_payments)
            write_new(payment);
        for (const auto& payment : change.known_payments)
            write_known(payment);
        bool first = true;
        for (const auto& event : change.events)
            write_event(event, std::exchange(first, false));
        for (const auto& draft : change.discrepancies)
            open_discrepancy(session, order_key{order}, draft, std::string(to_string(change.source)),
                             found.request_id);
    }
};

/// An order of Clink's that is another session's payment here is shown, and this payment goes without its id.
void disown_foreign_order(db_session& session, payment_record& payment, settlement& change) {
    if (!payment.order_id
        || session.run(find_foreign_payment, payment.order_id->str(), payment.attempt.str()).empty())
        return;
    change.discrepancies.push_back({.kind = discrepancy_kind::reference_mismatch,
                                    .subject = "clink-order:" + payment.order_id->str(),
                                    .attempt = change.attempt,
                                    .detail = {{"clinkOrderId", payment.order_id->str()}}});
    payment.order_id.reset();
}

settlement without_foreign_orders(db_session& session, settlement change) {
    for (auto& payment : change.new_payments)
        disown_foreign_order(session, payment, change);
    for (auto& payment : change.known_payments)
        disown_foreign_order(session, payment, change);
    return change;
}

} // namespace

boost::asio::awaitable<bool> settlement_store::apply(order_key order, std::int64_t version, settlement change,
                                                     settlement_evidence found) {
    return db_.run(
        "apply_settlement", operation_mode::transaction,
        [order, version, change = std::move(change), found = std::move(found)](db_session& session) {
            const auto key = static_cast<std::int64_t>(order);
            if (session.run(advance_state, key, version, to_string(change.state), change.payment_count)
                    .empty())
                return false;
            const auto own = without_foreign_orders(session, change);
            writing{session, key, own, found}.write_all();
            return true;
        });
}

boost::asio::awaitable<bool> settlement_store::cancel(order_key order, std::int64_t version,
                                                      order_state state, std::string request_id) {
    return db_.run("cancel_order", operation_mode::statement,
                   [order, version, state, request_id = std::move(request_id)](db_session& session) {
                       return !session
                                   .run(cancel_order, static_cast<std::int64_t>(order), version,
                                        to_string(state), request_id)
                                   .empty();
                   });
}

boost::asio::awaitable<bool> settlement_store::note_check(order_key order, settlement seen,
                                                          std::string request_id) {
    const auto mode = seen.discrepancies.empty() ? operation_mode::statement : operation_mode::transaction;
    return db_.run("note_check", mode,
                   [order, seen = std::move(seen), request_id = std::move(request_id)](db_session& session) {
                       const bool found = !session.run(count_check, seen.attempt.str()).empty();
                       for (const auto& draft : seen.discrepancies)
                           open_discrepancy(session, order, draft, std::string(to_string(seen.source)),
                                            request_id);
                       return found;
                   });
}

boost::asio::awaitable<bool> settlement_store::note_cancel_visit(attempt_id attempt, std::string request_id) {
    return db_.run("note_cancel_visit", operation_mode::statement,
                   [attempt, request_id = std::move(request_id)](db_session& session) {
                       return !session.run(record_cancel_visit, attempt.str(), request_id).empty();
                   });
}

} // namespace checkout
