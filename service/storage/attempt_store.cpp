#include "storage/attempt_store.h"

#include "storage/discrepancy_store.h"
#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

// One round trip for the common case. A second request for the order finds the unique merchant_order_id and
// inserts nothing, so "no row returned" is the answer "it exists". The sweeper may take the attempt one
// second after its lease.
constexpr sql_statement insert_first_attempt{"begin_first_attempt",
                                             R"sql(
with o as (
    insert into checkout.orders (merchant_order_id) values ($1)
    on conflict (merchant_order_id) do nothing
    returning order_id
), s as (
    insert into checkout.sessions (attempt_id, order_id, attempt, lease_until, next_check_at, original_amount,
        original_currency, ui_mode, allow_promotion_codes, success_url, cancel_url, terms, terms_fingerprint)
    select $2::uuid, order_id, 1, now() + $3::bigint * interval '1 millisecond',
        now() + ($3::bigint + 1000) * interval '1 millisecond', $4::numeric, $5, $6, $7::boolean,
        $8, $9, $10::jsonb, $11
    from o
    returning order_id, attempt_id, attempt, generation
), e as (
    insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
    select order_id, attempt_id, 'attempt_created', null, $12, '{}' from s
)
select order_id, generation from s)sql"};

// Takes the order's row; everything that decides about an order does so first, in this order, so none
// deadlocks.
constexpr sql_statement advance_order{
    "advance_order_to_attempt",
    "update checkout.orders set version = version + 1, last_attempt = $3, updated_at = now()"
    " where order_id = $1 and version = $2 and payment_count = 0 and cancelled_at is null returning "
    "order_id"};

// The lease ran out: whoever held it is fenced by the new generation and by the status.
constexpr sql_statement lapse_attempt{"lapse_attempt",
                                      R"sql(
with s as (
    update checkout.sessions set status = 'dark', lease_until = null, generation = generation + 1,
        next_check_at = now() + $3::bigint * interval '1 millisecond'
    where attempt_id = $1::uuid and status = 'creating' and lease_until < now()
    returning order_id, attempt_id, awaited
), e as (
    insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
    select order_id, attempt_id, 'attempt_dark', null, $2, '{"detail": "the lease ran out"}' from s
)
select case when awaited then pg_notify('clink_checkout_attempts', order_id::text)::text end from s)sql"};

// Whoever decides about an order takes its row first.
constexpr sql_statement raise_version{
    "raise_order_version",
    "update checkout.orders set version = version + 1, updated_at = now() where order_id = $1"
    " and exists (select 1 from checkout.sessions where attempt_id = $2::uuid and status = 'creating'"
    " and lease_until < now()) returning order_id"};

// A row returned says that the attempt is under way and that its end will be notified.
constexpr sql_statement await_attempt{
    "await_attempt",
    "update checkout.sessions set awaited = true where attempt_id = $1::uuid and status = 'creating'"
    " and not awaited returning attempt_id"};

constexpr sql_statement insert_next_attempt{"begin_next_attempt",
                                            R"sql(
with s as (
    insert into checkout.sessions (attempt_id, order_id, attempt, lease_until, next_check_at, original_amount,
        original_currency, ui_mode, allow_promotion_codes, success_url, cancel_url, terms, terms_fingerprint, supersedes)
    values ($1::uuid, $13, $12, now() + $2::bigint * interval '1 millisecond',
        now() + ($2::bigint + 1000) * interval '1 millisecond', $3::numeric, $4, $5, $6::boolean,
        $7, $8, $9::jsonb, $10, $14::uuid)
    returning order_id, attempt_id, attempt, generation
), e as (
    insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
    select order_id, attempt_id, 'attempt_created', null, $11, '{}' from s
)
select order_id, generation from s)sql"};

// Locks the order first, so that what the release re-checks cannot change under it.
constexpr sql_statement lock_order{"lock_order",
                                   "select 1 from checkout.orders where order_id = $1 for no key update"};

constexpr sql_statement supersede_session{"supersede_session",
                                          R"sql(
with s as (
    update checkout.sessions set superseded_at = now()
    where attempt_id = $1::uuid and released_at is not null and superseded_at is null and ended_at is null
    returning order_id, attempt_id
)
insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
select order_id, attempt_id, 'session_superseded', null, $2, jsonb_build_object('supersededBy', $3::text) from s)sql"};

// The order's row is taken and re-checked first (not cancelled, not paid, nothing processing), then the
// attempt's status and generation: an attempt whose lease was taken over, or whose order was given up, finds
// no row and keeps its handle to itself.
const std::string release_text = std::string(R"sql(
with o as (
    update checkout.orders set version = version + 1, updated_at = now()
    where order_id = $1 and state = 'unpaid'
        and exists (select 1 from checkout.sessions
                    where attempt_id = $2::uuid and status = 'creating' and generation = $3)
    returning order_id
), s as (
    update checkout.sessions s set status = 'open', lease_until = null, clink_session_id = $4, url = $5,
        customer_id = $6, expire_time = $7::timestamptz, released_at = now(),
        next_check_at = now() + $11::bigint * interval '1 millisecond'
    from o
    where s.order_id = o.order_id and s.attempt_id = $2::uuid and s.status = 'creating' and s.generation = $3
    returning s.*
), e as (
    insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
    select order_id, attempt_id, 'session_released', null, $8,
        $9::jsonb || jsonb_build_object('sessionId', $4::text)
            || case when $10::jsonb is null then '{}' else jsonb_build_object('clink', $10::jsonb) end
    from s
)
select case when s.awaited then pg_notify('clink_checkout_attempts', s.order_id::text)::text end as notified, )sql")
                                 + session_columns + " from s";
const sql_statement release_attempt{"release_attempt", release_text.c_str()};

// Ends the attempt that is still ours, or teaches a fenced one Clink's session id; never both.
// An exchange that comes when the attempt was ended without it changes nothing any more; it has its event all
// the same, once.
constexpr sql_statement close_attempt{"close_attempt",
                                      R"sql(
with o as (
    update checkout.orders set version = version + 1, updated_at = now() where order_id = $1 returning order_id
), s as (
    update checkout.sessions s set
        status = case when s.status = 'creating' then $4 else s.status end,
        lease_until = null,
        refusal_code = case when s.status = 'creating' then $5 else s.refusal_code end,
        refusal_message = case when s.status = 'creating' then $6 else s.refusal_message end,
        clink_session_id = coalesce(s.clink_session_id, $7),
        next_check_at = now() + $11::bigint * interval '1 millisecond'
    from o
    where s.order_id = o.order_id and s.attempt_id = $2::uuid
        and ((s.status = 'creating' and s.generation = $3)
             or (s.status = 'dark' and s.clink_session_id is null and $7::text is not null))
    returning s.order_id, s.attempt_id, s.status, s.awaited
), late as (
    select o.order_id, a.attempt_id from o join checkout.sessions a on a.order_id = o.order_id
    where a.attempt_id = $2::uuid and a.released_at is null and not exists (select from s)
        and not exists (select from checkout.events told where told.order_id = a.order_id
            and told.attempt_id = a.attempt_id and told.data ? 'outcome')
), e as (
    insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
    select order_id, attempt_id, kind, null, $8,
        $9::jsonb || case when $7::text is null then '{}' else jsonb_build_object('sessionId', $7::text) end
            || case when $10::jsonb is null then '{}' else jsonb_build_object('clink', $10::jsonb) end
    from (select order_id, attempt_id, 'attempt_' || status as kind from s
        union all select order_id, attempt_id, 'attempt_answered_late' from late) as told
)
select case when awaited then pg_notify('clink_checkout_attempts', order_id::text)::text end from s)sql"};

/// Thrown when a release found no row: a transaction (supersede) is taken back whole.
struct fenced {};

std::optional<std::string> json_or_null(const std::string& json) {
    return json.empty() ? std::nullopt : std::optional(json);
}

pqxx::result insert_next(db_session& session, const attempt_intent& intent, const next_attempt& next) {
    const auto& terms = intent.terms;
    return session.run(insert_next_attempt, intent.id.str(), intent.lease.count(),
                       terms.original.amount.to_string(), terms.original.currency, to_string(terms.mode),
                       terms.allow_promotion_codes.value_or(false), terms.success_url, terms.cancel_url,
                       write_text_object(intent.recorded), intent.fingerprint, intent.request_id,
                       next.attempt, static_cast<std::int64_t>(next.order), write_id(next.supersedes));
}

} // namespace

boost::asio::awaitable<std::optional<begun_attempt>> attempt_store::begin_first(attempt_intent intent) {
    return db_.run("begin_first_attempt", operation_mode::statement,
                   [intent = std::move(intent)](db_session& session) -> std::optional<begun_attempt> {
                       const auto& terms = intent.terms;
                       const auto rows = session.run(
                           insert_first_attempt, intent.order_id.str(), intent.id.str(), intent.lease.count(),
                           terms.original.amount.to_string(), terms.original.currency, to_string(terms.mode),
                           terms.allow_promotion_codes.value_or(false), terms.success_url, terms.cancel_url,
                           write_text_object(intent.recorded), intent.fingerprint, intent.request_id);
                       if (rows.empty())
                           return std::nullopt;
                       return begun_attempt{order_key{rows[0]["order_id"].as<std::int64_t>()}, intent.id, 1,
                                            rows[0]["generation"].as<std::int64_t>()};
                   });
}

boost::asio::awaitable<std::optional<begun_attempt>> attempt_store::begin_next(attempt_intent intent,
                                                                               next_attempt next) {
    try {
        co_return co_await try_begin_next(std::move(intent), std::move(next));
    } catch (const pqxx::unique_violation&) {
        // Another attempt is being created after all: the order is not as it was seen.
    }
    co_return std::nullopt;
}

boost::asio::awaitable<std::optional<begun_attempt>> attempt_store::try_begin_next(attempt_intent intent,
                                                                                   next_attempt next) {
    return db_.run("begin_next_attempt", operation_mode::transaction,
                   [intent = std::move(intent), next = std::move(next),
                    delay = first_check_.count()](db_session& session) -> std::optional<begun_attempt> {
                       const auto order = static_cast<std::int64_t>(next.order);
                       if (session.run(advance_order, order, next.version, next.attempt).empty())
                           return std::nullopt;
                       if (next.lapsed)
                           session.run(lapse_attempt, next.lapsed->str(), intent.request_id, delay);
                       const auto rows = insert_next(session, intent, next);
                       return begun_attempt{next.order, intent.id, next.attempt,
                                            rows[0]["generation"].as<std::int64_t>()};
                   });
}

boost::asio::awaitable<std::optional<session_record>>
attempt_store::release(begun_attempt attempt, released_handle handle, std::optional<attempt_id> supersedes,
                       exchange_record record) {
    try {
        co_return co_await try_release(std::move(attempt), std::move(handle), std::move(supersedes),
                                       std::move(record));
    } catch (const fenced&) {
    } catch (const pqxx::unique_violation&) {
        // Another attempt has this session id, or the order another current session: either way not ours to
        // release.
    }
    co_return std::nullopt;
}

boost::asio::awaitable<std::optional<session_record>>
attempt_store::try_release(begun_attempt attempt, released_handle handle,
                           std::optional<attempt_id> supersedes, exchange_record record) {
    const auto mode = supersedes ? operation_mode::transaction : operation_mode::statement;
    return db_.run("release_attempt", mode,
                   [attempt = std::move(attempt), handle = std::move(handle),
                    supersedes = std::move(supersedes), record = std::move(record),
                    delay = first_check_.count()](db_session& session) -> std::optional<session_record> {
                       const auto order = static_cast<std::int64_t>(attempt.order);
                       if (supersedes) {
                           session.run(lock_order, order);
                           session.run(supersede_session, supersedes->str(), record.request_id,
                                       attempt.id.str());
                       }
                       const auto rows = session.run(release_attempt, order, attempt.id.str(),
                                                     attempt.generation, handle.session_id.str(), handle.url,
                                                     handle.customer_id, write_instant(handle.expire_time),
                                                     record.request_id, write_text_object(record.data),
                                                     json_or_null(record.clink_body), delay);
                       if (rows.empty())
                           throw fenced{};
                       return read_session(rows[0]);
                   });
}

boost::asio::awaitable<bool> attempt_store::close(begun_attempt attempt, unreleased_end end,
                                                  exchange_record record) {
    try {
        co_return co_await try_close(attempt, end, record);
    } catch (const pqxx::unique_violation&) {
        // The session id is another attempt's: this one ends without it.
    }
    end.session_id.reset();
    co_return co_await try_close(std::move(attempt), std::move(end), std::move(record));
}

boost::asio::awaitable<bool> attempt_store::try_close(begun_attempt attempt, unreleased_end end,
                                                      exchange_record record) {
    const auto mode = end.discrepancy ? operation_mode::transaction : operation_mode::statement;
    return db_.run(
        "close_attempt", mode,
        [attempt = std::move(attempt), end = std::move(end), record = std::move(record),
         delay = first_check_.count()](db_session& session) {
            const auto rows = session.run(
                close_attempt, static_cast<std::int64_t>(attempt.order), attempt.id.str(), attempt.generation,
                to_string(end.status), end.refusal_code, end.refusal_message, write_id(end.session_id),
                record.request_id, write_text_object(record.data), json_or_null(record.clink_body), delay);
            if (end.discrepancy)
                open_discrepancy(session, attempt.order, *end.discrepancy, std::nullopt, record.request_id);
            return !rows.empty();
        });
}

boost::asio::awaitable<bool> attempt_store::lapse(order_key order, attempt_id attempt) {
    return db_.run(
        "lapse_attempt", operation_mode::transaction,
        [order, attempt = std::move(attempt), delay = first_check_.count()](db_session& session) {
            if (session.run(raise_version, static_cast<std::int64_t>(order), attempt.str()).empty())
                return false;
            return !session.run(lapse_attempt, attempt.str(), std::optional<std::string>(), delay).empty();
        });
}

boost::asio::awaitable<bool> attempt_store::await(attempt_id attempt) {
    return db_.run("await_attempt", operation_mode::statement,
                   [attempt = std::move(attempt)](db_session& session) {
                       return !session.run(await_attempt, attempt.str()).empty();
                   });
}

} // namespace checkout
