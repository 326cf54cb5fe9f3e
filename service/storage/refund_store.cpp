#include "storage/refund_store.h"

#include "storage/discrepancy_store.h"
#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

constexpr sql_statement claim_due{"claim_due_refunds",
                                  R"sql(
with due as (
    select refund_id from checkout.refunds where next_check_at <= now()
    order by next_check_at limit $1 for no key update skip locked
)
update checkout.refunds r set next_check_at = now() + $2::bigint * interval '1 second', check_count = check_count + 1
from due where r.refund_id = due.refund_id
returning r.clink_refund_id, r.recorded_at, now() as read_at)sql"};

constexpr sql_statement postpone_refund{
    "postpone_refund",
    "update checkout.refunds set next_check_at = $2::timestamptz where clink_refund_id = $1"
    " returning refund_id"};

// What is known of a refund that succeeded stays. The row says whether it is still nobody's: one that has
// found its order meanwhile is none of ours.
constexpr sql_statement upsert_stray{"record_stray_refund",
                                     R"sql(
insert into checkout.refunds as r (clink_refund_id, clink_order_id, refund_merchant_order_id, status, amount, currency,
    reason, failure_code, refund_time, evidence, next_check_at)
values ($1, $2, $3, $4, $5::numeric, $6, $7, $8, $9::timestamptz, $10, $11::timestamptz)
on conflict (clink_refund_id) do update set
    status = case when r.status = 'success' then r.status else excluded.status end,
    amount = case when r.status = 'success' then coalesce(r.amount, excluded.amount)
        else coalesce(excluded.amount, r.amount) end,
    currency = case when r.status = 'success' then coalesce(r.currency, excluded.currency)
        else coalesce(excluded.currency, r.currency) end,
    failure_code = coalesce(excluded.failure_code, r.failure_code), updated_at = now(),
    next_check_at = excluded.next_check_at
returning order_id is null as stray)sql"};

// By its payment, else by its reference.
constexpr sql_statement select_owner{
    "find_dispute_owner",
    "select coalesce((select order_id from checkout.payments where clink_order_id = $1),"
    " (select order_id from checkout.orders where merchant_order_id = $2)) as order_id"};

// The newest word stands; of two of the same moment the one further along.
constexpr sql_statement upsert_dispute{"record_dispute",
                                       R"sql(
insert into checkout.disputes as d (clink_dispute_id, clink_order_id, order_id, status, amount, currency, reason_code,
    reason, evidence_deadline, said_at)
values ($1, $2, $3, $4, $5::numeric, $6, $7, $8, $9::timestamptz, $10::timestamptz)
on conflict (clink_dispute_id) do update set status = excluded.status, amount = excluded.amount,
    currency = excluded.currency, reason_code = excluded.reason_code, reason = excluded.reason,
    evidence_deadline = excluded.evidence_deadline, said_at = excluded.said_at, updated_at = now()
    where (d.said_at, array_position(array['unknown', 'pending', 'processing', 'won', 'lost', 'withdrawn'], d.status))
        < (excluded.said_at,
           array_position(array['unknown', 'pending', 'processing', 'won', 'lost', 'withdrawn'], excluded.status))
returning dispute_id)sql"};

// A dispute may be heard of before its payment.
constexpr sql_statement adopt_dispute{
    "adopt_dispute", "update checkout.disputes set order_id = $2, updated_at = now()"
                     " where clink_dispute_id = $1 and order_id is null returning dispute_id"};

constexpr sql_statement insert_dispute_event{"insert_dispute_event",
                                             R"sql(
insert into checkout.events (order_id, kind, source, request_id, data)
select order_id, 'dispute_recorded', 'webhook', $2, jsonb_strip_nulls(jsonb_build_object('disputeId', clink_dispute_id,
    'status', status, 'disputeAmount', amount::text, 'disputeCurrency', currency))
from checkout.disputes where clink_dispute_id = $1 and order_id is not null)sql"};

} // namespace

boost::asio::awaitable<std::vector<due_refund>> refund_store::claim(int limit, std::chrono::seconds lease) {
    return db_.run("claim_due_refunds", operation_mode::statement, [limit, lease](db_session& session) {
        std::vector<due_refund> claimed;
        for (const auto& row : session.run(claim_due, limit, lease.count()))
            claimed.push_back({.clink_id = clink_refund_id(row["clink_refund_id"].as<std::string>()),
                               .recorded_at = read_instant(row["recorded_at"]),
                               .read_at = read_instant(row["read_at"])});
        return claimed;
    });
}

boost::asio::awaitable<bool> refund_store::postpone(clink_refund_id refund, std::optional<instant> next) {
    return db_.run("postpone_refund", operation_mode::statement,
                   [refund = std::move(refund), next](db_session& session) {
                       return !session.run(postpone_refund, refund.str(), write_instant(next)).empty();
                   });
}

boost::asio::awaitable<bool> refund_store::note_check(clink_refund_id refund, order_key order,
                                                      settlement seen, std::string request_id) {
    return db_.run(
        "note_refund_check",
        seen.discrepancies.empty() ? operation_mode::statement : operation_mode::transaction,
        [refund = std::move(refund), order, seen = std::move(seen),
         request_id = std::move(request_id)](db_session& session) {
            const bool found =
                !session.run(postpone_refund, refund.str(), write_instant(seen.next_check)).empty();
            for (const auto& draft : seen.discrepancies)
                open_discrepancy(session, order, draft, std::string(to_string(seen.source)), request_id);
            return found;
        });
}

boost::asio::awaitable<bool> refund_store::record_stray(refund_facts refund, evidence source,
                                                        std::optional<instant> next, std::string request_id) {
    return db_.run(
        "record_stray_refund", operation_mode::transaction,
        [refund = std::move(refund), source, next, request_id = std::move(request_id)](db_session& session) {
            const auto rows =
                session.run(upsert_stray, refund.refund_id.str(), refund.order_id.str(),
                            refund.refund_merchant_order_id, to_string(refund.status),
                            write_decimal(refund.amount), refund.currency, refund.reason, refund.failure_code,
                            write_instant(refund.create_time), to_string(source), write_instant(next));
            const bool stray = rows[0]["stray"].as<bool>();
            if (!stray)
                return false;
            open_discrepancy(
                session, std::nullopt,
                {.kind = discrepancy_kind::refund_without_payment,
                 .subject = "refund:" + refund.refund_id.str(),
                 .attempt = {},
                 .detail = {{"refundId", refund.refund_id.str()}, {"clinkOrderId", refund.order_id.str()}}},
                std::string(to_string(source)), request_id);
            return true;
        });
}

boost::asio::awaitable<std::optional<order_key>>
refund_store::record_dispute(dispute_facts dispute, instant said_at, std::string request_id) {
    return db_.run("record_dispute", operation_mode::transaction,
                   [dispute = std::move(dispute), said_at,
                    request_id = std::move(request_id)](db_session& session) -> std::optional<order_key> {
                       const auto id = dispute.dispute_id.str();
                       const auto owner = session
                                              .run(select_owner, write_id(dispute.order_id),
                                                   dispute.merchant_reference_id)[0]["order_id"]
                                              .as<std::optional<std::int64_t>>();
                       bool changed =
                           !session
                                .run(upsert_dispute, id, write_id(dispute.order_id), owner,
                                     to_string(dispute.status), write_decimal(dispute.amount),
                                     dispute.currency, dispute.reason_code, dispute.reason,
                                     write_instant(dispute.evidence_deadline), write_instant(said_at))
                                .empty();
                       if (!owner)
                           return std::nullopt;
                       changed = !session.run(adopt_dispute, id, owner).empty() || changed;
                       if (changed)
                           session.run(insert_dispute_event, id, request_id);
                       return order_key{*owner};
                   });
}

} // namespace checkout
