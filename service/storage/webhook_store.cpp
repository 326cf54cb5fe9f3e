#include "storage/webhook_store.h"

#include "crypto/digest.h"
#include "storage/discrepancy_store.h"
#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

// The unique event id answers whether it was there. What was kept of the first delivery stays as it is; one
// that was given up is handled once more.
constexpr sql_statement insert_webhook{"keep_webhook",
                                       R"sql(
insert into checkout.webhooks as w (event_id, type, body, signed_at, late, answer, request_id, next_try_at)
values ($1, $2, decode($3, 'hex'), $4::timestamptz, $5::boolean, $6, $7, now() + $8::bigint * interval '1 second')
on conflict (event_id) do update set deliveries = w.deliveries + 1,
    next_try_at = case when w.state = 'parked' then coalesce(w.next_try_at, now()) else w.next_try_at end
returning webhook_id, xmax = 0 as first, answer, received_at, now() as read_at)sql"};

constexpr sql_statement claim_due{"claim_due_webhooks",
                                  R"sql(
with due as (
    select webhook_id from checkout.webhooks where next_try_at <= now()
    order by next_try_at limit $1 for no key update skip locked
)
update checkout.webhooks w set next_try_at = now() + $2::bigint * interval '1 second'
from due where w.webhook_id = due.webhook_id
returning w.webhook_id, w.event_id, encode(w.body, 'hex') as body, w.late, w.received_at, now() as read_at, w.request_id)sql"};

// Of a claim that nothing came of.
constexpr sql_statement release_claim{"give_back_webhook",
                                      "update checkout.webhooks set next_try_at = now() where webhook_id = $1"
                                      " and state <> 'done' and next_try_at > now() returning webhook_id"};

// Done is done: a second one that handled the same event at the same time finds no row.
constexpr sql_statement finish_webhook{"finish_webhook",
                                       R"sql(
with w as (
    update checkout.webhooks set state = 'done', outcome = $2, order_id = $3::bigint, tries = tries + 1,
        next_try_at = null, handled_at = now()
    where webhook_id = $1 and state <> 'done'
    returning webhook_id, event_id, order_id, late, received_at, request_id
), e as (
    insert into checkout.events (order_id, kind, source, request_id, data)
    select order_id, 'webhook_handled', 'webhook', request_id, jsonb_build_object('eventId', event_id, 'type', $4::text,
        'outcome', $2::text, 'late', late::text,
        'receivedAt', to_char(received_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
    from w where order_id is not null
)
select webhook_id from w)sql"};

constexpr sql_statement postpone_webhook{"postpone_webhook",
                                         R"sql(
update checkout.webhooks set state = $2, outcome = $3, next_try_at = $4::timestamptz, tries = tries + 1,
    order_id = coalesce($5::bigint, order_id)
where webhook_id = $1 and state <> 'done' returning webhook_id)sql"};

std::string subject_of(const kept_webhook& webhook) {
    return "webhook:" + webhook.event_id;
}

std::optional<std::int64_t> key_or_null(std::optional<order_key> order) {
    return order ? std::optional(static_cast<std::int64_t>(*order)) : std::nullopt;
}

kept_webhook read_webhook(const pqxx::row& row) {
    return {.id = row["webhook_id"].as<std::int64_t>(),
            .event_id = row["event_id"].as<std::string>(),
            .body = from_hex(row["body"].view()).value_or(""),
            .late = row["late"].as<bool>(),
            .received_at = read_instant(row["received_at"]),
            .read_at = read_instant(row["read_at"]),
            .request_id = read_optional_text(row["request_id"]).value_or("")};
}

const std::optional<std::string> by_webhook = std::string(to_string(evidence::webhook));

} // namespace

boost::asio::awaitable<kept_delivery> webhook_store::keep(received_webhook webhook,
                                                          std::chrono::seconds lease) {
    return db_.run("keep_webhook", operation_mode::statement,
                   [webhook = std::move(webhook), lease](db_session& session) {
                       const auto type = webhook.type.empty() ? std::nullopt : std::optional(webhook.type);
                       const auto rows =
                           session.run(insert_webhook, webhook.event_id, type, to_hex(webhook.body),
                                       write_instant(webhook.signed_at), webhook.late, webhook.answer,
                                       webhook.request_id, lease.count());
                       const auto& row = rows[0];
                       return kept_delivery{.first = row["first"].as<bool>(),
                                            .answer = read_optional_text(row["answer"]),
                                            .webhook = {.id = row["webhook_id"].as<std::int64_t>(),
                                                        .event_id = webhook.event_id,
                                                        .body = webhook.body,
                                                        .late = webhook.late,
                                                        .received_at = read_instant(row["received_at"]),
                                                        .read_at = read_instant(row["read_at"]),
                                                        .request_id = webhook.request_id}};
                   });
}

boost::asio::awaitable<std::vector<kept_webhook>> webhook_store::claim(int limit,
                                                                       std::chrono::seconds lease) {
    return db_.run("claim_due_webhooks", operation_mode::statement, [limit, lease](db_session& session) {
        std::vector<kept_webhook> claimed;
        for (const auto& row : session.run(claim_due, limit, lease.count()))
            claimed.push_back(read_webhook(row));
        return claimed;
    });
}

boost::asio::awaitable<bool> webhook_store::give_back(std::int64_t webhook) {
    return db_.run("give_back_webhook", operation_mode::statement,
                   [webhook](db_session& session) { return !session.run(release_claim, webhook).empty(); });
}

boost::asio::awaitable<bool> webhook_store::finish(kept_webhook webhook, std::string type,
                                                   std::string outcome, std::optional<order_key> order) {
    return db_.run("finish_webhook", operation_mode::transaction,
                   [webhook = std::move(webhook), type = std::move(type), outcome = std::move(outcome),
                    order](db_session& session) {
                       if (session.run(finish_webhook, webhook.id, outcome, key_or_null(order), type).empty())
                           return false;
                       close_discrepancies(session, order,
                                           {.kind = discrepancy_kind::orphan_event,
                                            .attempt = {},
                                            .subject = subject_of(webhook),
                                            .resolution = outcome},
                                           by_webhook, webhook.request_id);
                       return true;
                   });
}

boost::asio::awaitable<bool> webhook_store::postpone(std::int64_t webhook, std::string outcome,
                                                     instant next) {
    return db_.run("postpone_webhook", operation_mode::statement,
                   [webhook, outcome = std::move(outcome), next](db_session& session) {
                       return !session
                                   .run(postpone_webhook, webhook, "received", outcome, write_instant(next),
                                        std::optional<std::int64_t>())
                                   .empty();
                   });
}

boost::asio::awaitable<bool> webhook_store::park(kept_webhook webhook, std::string type, std::string outcome,
                                                 std::optional<order_key> order,
                                                 std::optional<instant> next) {
    return db_.run("park_webhook", operation_mode::transaction,
                   [webhook = std::move(webhook), type = std::move(type), outcome = std::move(outcome), order,
                    next](db_session& session) {
                       if (session
                               .run(postpone_webhook, webhook.id, "parked", outcome, write_instant(next),
                                    key_or_null(order))
                               .empty())
                           return false;
                       open_discrepancy(
                           session, order,
                           {.kind = discrepancy_kind::orphan_event,
                            .subject = subject_of(webhook),
                            .attempt = {},
                            .detail = {{"eventId", webhook.event_id}, {"type", type}, {"reason", outcome}}},
                           by_webhook, webhook.request_id);
                       return true;
                   });
}

} // namespace checkout
