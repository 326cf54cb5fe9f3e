#include "storage/settlement_store.h"

#include "observe/crash_point.h"
#include "storage/discrepancy_store.h"
#include "storage/rows.h"
#include "storage/session.h"

#include <algorithm>
#include <map>
#include <set>

namespace checkout {

namespace {

// The compare-and-set: takes the order's row, so that two sessions of one order settle one after the other.
constexpr sql_statement advance_state{
    "settle_order",
    "update checkout.orders set version = version + 1, state = $3, payment_count = $4, refund_count = $5,"
    " updated_at = now() where order_id = $1 and version = $2 returning order_id"};

// The page's token goes when the session ends.
constexpr sql_statement settle_session{"settle_session",
                                       R"sql(
update checkout.sessions set
    status = $2, payment_status = $3,
    ended_at = case when $4::boolean then now() else ended_at end,
    url = case when $4::boolean or ended_at is not null then null else url end,
    settled_by = case when $5::boolean or settled_by is null then $6 else settled_by end,
    expire_time = coalesce($7::timestamptz, expire_time), clink_session_id = coalesce(clink_session_id, $8),
    checked_at = now(), check_count = check_count + 1, failed_checks = 0,
    stuck_at = case when $10::boolean then null else stuck_at end, next_check_at = $9::timestamptz
where attempt_id = $1::uuid)sql"};

constexpr sql_statement insert_payment{"insert_payment",
                                       R"sql(
insert into checkout.payments (order_id, attempt_id, kind, clink_order_id, verdict, original_amount, original_currency,
    amount_total, amount_subtotal, payment_currency, clink_original_currency, subscription_id, invoice_id, payment_time,
    evidence, clink_refund_extent, items_total, refunded_amount)
values ($1, $2::uuid, $3, $4, $5, $6::numeric, $7, $8::numeric, $9::numeric, $10, $11, $12, $13, $14::timestamptz, $15,
    $16, $17::numeric, $18::numeric))sql"};

constexpr sql_statement detail_payment{"detail_payment",
                                       R"sql(
update checkout.payments set clink_order_id = $2, verdict = $3, amount_total = $4::numeric, amount_subtotal = $5::numeric,
    payment_currency = $6, clink_original_currency = $7, subscription_id = $8, invoice_id = $9,
    payment_time = $10::timestamptz, refunded_amount = $11::numeric, clink_refund_extent = $12,
    items_total = $13::numeric
where payment_id = $1 and (clink_order_id, verdict, amount_total, amount_subtotal, payment_currency,
        clink_original_currency, subscription_id, invoice_id, payment_time, refunded_amount, clink_refund_extent,
        items_total)
    is distinct from ($2::text, $3::text, $4::numeric, $5::numeric, $6::text, $7::text, $8::text, $9::text,
        $10::timestamptz, $11::numeric, $12::text, $13::numeric)
returning payment_id)sql"};

// The payment may be one that this transaction has just written: then its order of Clink's names it.
constexpr sql_statement upsert_refund{"upsert_refund",
                                      R"sql(
insert into checkout.refunds as r (clink_refund_id, clink_order_id, order_id, payment_id, refund_merchant_order_id, status,
    amount, currency, reason, failure_code, refund_time, evidence, next_check_at)
values ($1, $2, $3, coalesce($4::bigint, (select payment_id from checkout.payments where clink_order_id = $2 and order_id = $3)),
    $5, $6, $7::numeric, $8, $9, $10, $11::timestamptz, $12, $13::timestamptz)
on conflict (clink_refund_id) do update set order_id = excluded.order_id,
    payment_id = coalesce(r.payment_id, excluded.payment_id),
    status = case when r.status = 'success' then r.status else excluded.status end,
    amount = case when r.status = 'success' then coalesce(r.amount, excluded.amount)
        else coalesce(excluded.amount, r.amount) end,
    currency = case when r.status = 'success' then coalesce(r.currency, excluded.currency)
        else coalesce(excluded.currency, r.currency) end,
    failure_code = coalesce(excluded.failure_code, r.failure_code), updated_at = now(),
    next_check_at = case when $14::boolean then r.next_check_at else excluded.next_check_at end)sql"};

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

constexpr sql_statement count_check{
    "note_check",
    "update checkout.sessions set checked_at = now(), check_count = check_count + 1, failed_checks = 0,"
    " next_check_at = $2::timestamptz, stuck_at = case when $3::boolean then null else stuck_at end"
    " where attempt_id = $1::uuid returning attempt_id"};

bool ends_silence(const settlement& change) {
    return std::ranges::any_of(change.closings, [](const discrepancy_closing& closing) {
        return closing.kind == discrepancy_kind::stuck_unknown;
    });
}

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
    const std::map<std::int64_t, clink_order_id>& disowned; ///< by the payment's row
    std::set<std::string> told;                             ///< of these, the orders that taught nothing more

    void write_session() {
        if (!change.asked_session)
            return;
        if (!change.session) {
            session.run(count_check, change.attempt.str(), write_instant(change.next_check),
                        ends_silence(change));
            return;
        }
        const auto& next = *change.session;
        session.run(settle_session, change.attempt.str(), to_string(next.status), to_string(next.payment),
                    next.ended, next.settled, to_string(change.source), write_instant(next.expire_time),
                    write_id(next.session_id), write_instant(change.next_check), ends_silence(change));
    }

    /// A refund that only found its payment here is asked about again as was planned, unless all is known of
    /// it.
    void write_refund(const refund_record& refund) {
        const bool over = is_final(refund.status) && refund.amount && refund.currency;
        const bool as_planned = change.asked_session && !over;
        const auto next = change.asked_session ? std::nullopt : write_instant(change.next_check);
        session.run(upsert_refund, refund.clink_id.str(), refund.order_id.str(), order, refund.payment,
                    refund.refund_merchant_order_id, to_string(refund.status), write_decimal(refund.amount),
                    refund.currency, refund.reason, refund.failure_code, write_instant(refund.refund_time),
                    to_string(refund.found_by), next, as_planned);
    }

    void write_new(const payment_record& payment) {
        session.run(insert_payment, order, payment.attempt.str(), to_string(payment.kind),
                    write_id(payment.order_id), to_string(payment.verdict),
                    payment.original.amount.to_string(), payment.original.currency,
                    write_decimal(payment.amount_total), write_decimal(payment.amount_subtotal),
                    payment.payment_currency, payment.clink_original_currency, payment.subscription_id,
                    payment.invoice_id, write_instant(payment.payment_time), to_string(payment.found_by),
                    to_string(payment.clink_refunds), write_decimal(payment.items_total),
                    payment.refunded_amount.to_string());
    }

    /// An order that was disowned is named again at every question: the payment's event is of the first one.
    void write_known(const payment_record& payment) {
        const auto updated = session.run(
            detail_payment, payment.id, write_id(payment.order_id), to_string(payment.verdict),
            write_decimal(payment.amount_total), write_decimal(payment.amount_subtotal),
            payment.payment_currency, payment.clink_original_currency, payment.subscription_id,
            payment.invoice_id, write_instant(payment.payment_time), payment.refunded_amount.to_string(),
            to_string(payment.clink_refunds), write_decimal(payment.items_total));
        const auto order_of = disowned.find(payment.id);
        if (updated.empty() && order_of != disowned.end())
            told.insert(order_of->second.str());
    }

    bool is_told(const event_draft& event) const {
        const auto named = event.data.find("clinkOrderId");
        return event.kind == "payment_updated" && named != event.data.end() && told.contains(named->second);
    }

    void write_event(const event_draft& event, bool with_body) {
        session.run(insert_event, order, write_id(event.attempt), event.kind, to_string(change.source),
                    found.request_id, write_text_object(event.data),
                    with_body && !found.clink_body.empty() ? std::optional(found.clink_body) : std::nullopt);
    }

    void write_all() {
        write_session();
        crash_point("settle.half_written");
        for (const auto& payment : change.new_payments)
            write_new(payment);
        for (const auto& payment : change.known_payments)
            write_known(payment);
        for (const auto& refund : change.refunds)
            write_refund(refund);
        bool first = true;
        for (const auto& event : change.events)
            if (!is_told(event))
                write_event(event, std::exchange(first, false));
        for (const auto& draft : change.discrepancies)
            open_discrepancy(session, order_key{order}, draft, std::string(to_string(change.source)),
                             found.request_id);
        for (const auto& closing : change.closings)
            close_discrepancies(session, order_key{order}, closing, std::string(to_string(change.source)),
                                found.request_id);
    }
};

/// A settlement without what another session's payment has already.
struct own_settlement {
    settlement change;
    std::map<std::int64_t, clink_order_id> disowned; ///< by the payment's row
};

/// An order of Clink's that is another session's payment here is shown, and this payment goes without its id.
void disown_foreign_order(db_session& session, payment_record& payment, own_settlement& own) {
    if (!payment.order_id
        || session.run(find_foreign_payment, payment.order_id->str(), payment.attempt.str()).empty())
        return;
    own.change.discrepancies.push_back({.kind = discrepancy_kind::reference_mismatch,
                                        .subject = subject_of_order(*payment.order_id),
                                        .attempt = own.change.attempt,
                                        .detail = {{"clinkOrderId", payment.order_id->str()}}});
    own.disowned.emplace(payment.id, *payment.order_id);
    payment.order_id.reset();
}

own_settlement without_foreign_orders(db_session& session, settlement change) {
    own_settlement own{std::move(change), {}};
    for (auto& payment : own.change.new_payments)
        disown_foreign_order(session, payment, own);
    for (auto& payment : own.change.known_payments)
        disown_foreign_order(session, payment, own);
    return own;
}

} // namespace

boost::asio::awaitable<bool> settlement_store::apply(order_key order, std::int64_t version, settlement change,
                                                     settlement_evidence found) {
    return db_.run(
        "apply_settlement", operation_mode::transaction,
        [order, version, change = std::move(change), found = std::move(found)](db_session& session) {
            const auto key = static_cast<std::int64_t>(order);
            if (session
                    .run(advance_state, key, version, to_string(change.state), change.payment_count,
                         change.refund_count)
                    .empty())
                return false;
            const auto own = without_foreign_orders(session, change);
            writing{session, key, own.change, found, own.disowned, {}}.write_all();
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
    return db_.run(
        "note_check", mode,
        [order, seen = std::move(seen), request_id = std::move(request_id)](db_session& session) {
            const bool found =
                !session.run(count_check, seen.attempt.str(), write_instant(seen.next_check), false).empty();
            for (const auto& draft : seen.discrepancies)
                open_discrepancy(session, order, draft, std::string(to_string(seen.source)), request_id);
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
