#include "support/first_service.h"

#include "crypto/digest.h"

#include <stdexcept>

namespace checkout::test {

namespace {

using argument = first_service::argument;

/// The statement with its parameters $1, $2 … written into it.
std::string fill(std::string sql, const std::vector<argument>& arguments) {
    for (auto i = arguments.size(); i-- > 0;) {
        const auto& value = arguments[i];
        const auto text = value ? "'" + *value + "'" : "null";
        const auto name = "$" + std::to_string(i + 1);
        for (auto at = sql.find(name); at != std::string::npos; at = sql.find(name, at + text.size()))
            sql.replace(at, name.size(), text);
    }
    return sql;
}

// The statements of the service that came with V1, as they were.
constexpr auto begin_first_attempt = R"sql(
with o as (
    insert into checkout.orders (merchant_order_id) values ($1)
    on conflict (merchant_order_id) do nothing
    returning order_id
), s as (
    insert into checkout.sessions (attempt_id, order_id, attempt, lease_until, original_amount, original_currency,
        ui_mode, allow_promotion_codes, success_url, cancel_url, terms, terms_fingerprint)
    select $2::uuid, order_id, 1, now() + $3::bigint * interval '1 millisecond', $4::numeric, $5, $6, $7::boolean,
        $8, $9, $10::jsonb, $11
    from o
    returning order_id, attempt_id, attempt, generation
), e as (
    insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
    select order_id, attempt_id, 'attempt_created', null, $12, '{}' from s
)
select order_id, generation from s)sql";

constexpr auto advance_order_to_attempt =
    "update checkout.orders set version = version + 1, last_attempt = $3, updated_at = now()"
    " where order_id = $1 and version = $2 and payment_count = 0 and cancelled_at is null returning order_id";

constexpr auto lapse_attempt = R"sql(
with s as (
    update checkout.sessions set status = 'dark', lease_until = null, generation = generation + 1
    where attempt_id = $1::uuid and status = 'creating' and lease_until < now()
    returning order_id, attempt_id
)
insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
select order_id, attempt_id, 'attempt_dark', null, $2, '{"detail": "the lease ran out"}' from s
returning event_id)sql";

constexpr auto begin_next_attempt = R"sql(
with s as (
    insert into checkout.sessions (attempt_id, order_id, attempt, lease_until, original_amount, original_currency,
        ui_mode, allow_promotion_codes, success_url, cancel_url, terms, terms_fingerprint, supersedes)
    values ($1::uuid, $13, $12, now() + $2::bigint * interval '1 millisecond', $3::numeric, $4, $5, $6::boolean,
        $7, $8, $9::jsonb, $10, $14::uuid)
    returning order_id, attempt_id, attempt, generation
), e as (
    insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
    select order_id, attempt_id, 'attempt_created', null, $11, '{}' from s
)
select order_id, generation from s)sql";

constexpr auto supersede_session = R"sql(
with s as (
    update checkout.sessions set superseded_at = now()
    where attempt_id = $1::uuid and released_at is not null and superseded_at is null and ended_at is null
    returning order_id, attempt_id
)
insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
select order_id, attempt_id, 'session_superseded', null, $2, jsonb_build_object('supersededBy', $3::text) from s
returning event_id)sql";

constexpr auto release_attempt = R"sql(
with o as (
    update checkout.orders set version = version + 1, updated_at = now()
    where order_id = $1 and state = 'unpaid'
    returning order_id
), s as (
    update checkout.sessions s set status = 'open', lease_until = null, clink_session_id = $4, url = $5,
        customer_id = $6, expire_time = $7::timestamptz, released_at = now()
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
select s.attempt_id from s)sql";

constexpr auto close_attempt = R"sql(
with o as (
    update checkout.orders set version = version + 1, updated_at = now() where order_id = $1 returning order_id
), s as (
    update checkout.sessions s set
        status = case when s.status = 'creating' then $4 else s.status end,
        lease_until = null,
        refusal_code = case when s.status = 'creating' then $5 else s.refusal_code end,
        refusal_message = case when s.status = 'creating' then $6 else s.refusal_message end,
        clink_session_id = coalesce(s.clink_session_id, $7)
    from o
    where s.order_id = o.order_id and s.attempt_id = $2::uuid
        and ((s.status = 'creating' and s.generation = $3)
             or (s.status = 'dark' and s.clink_session_id is null and $7::text is not null))
    returning s.order_id, s.attempt_id, s.status
)
insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
select order_id, attempt_id, 'attempt_' || status, null, $8,
    $9::jsonb || case when $7::text is null then '{}' else jsonb_build_object('sessionId', $7::text) end
        || case when $10::jsonb is null then '{}' else jsonb_build_object('clink', $10::jsonb) end
from s
returning event_id)sql";

constexpr auto settle_order =
    "update checkout.orders set version = version + 1, state = $3, payment_count = $4, updated_at = now()"
    " where order_id = $1 and version = $2 returning order_id";

constexpr auto settle_session = R"sql(
update checkout.sessions set
    status = $2, payment_status = $3,
    ended_at = case when $4::boolean then now() else ended_at end,
    url = case when $4::boolean or ended_at is not null then null else url end,
    settled_by = case when $5::boolean or settled_by is null then $6 else settled_by end,
    expire_time = coalesce($7::timestamptz, expire_time),
    checked_at = now(), check_count = check_count + 1
where attempt_id = $1::uuid returning attempt_id)sql";

constexpr auto insert_payment = R"sql(
insert into checkout.payments (order_id, attempt_id, kind, clink_order_id, verdict, original_amount, original_currency,
    amount_total, amount_subtotal, payment_currency, clink_original_currency, subscription_id, invoice_id, payment_time,
    evidence)
values ($1, $2::uuid, $3, $4, $5, $6::numeric, $7, $8::numeric, $9::numeric, $10, $11, $12, $13, $14::timestamptz, $15)
returning payment_id)sql";

constexpr auto detail_payment = R"sql(
update checkout.payments set clink_order_id = $2, verdict = $3, amount_total = $4::numeric, amount_subtotal = $5::numeric,
    payment_currency = $6, clink_original_currency = $7, subscription_id = $8, invoice_id = $9,
    payment_time = $10::timestamptz
where payment_id = $1 returning payment_id)sql";

constexpr auto count_check = "update checkout.sessions set checked_at = now(), check_count = check_count + 1"
                             " where attempt_id = $1::uuid returning attempt_id";

constexpr auto cancel_order = R"sql(
with o as (
    update checkout.orders set version = version + 1, cancelled_at = now(), state = $3, updated_at = now()
    where order_id = $1 and version = $2 and cancelled_at is null and payment_count = 0
    returning order_id
)
insert into checkout.events (order_id, kind, request_id) select order_id, 'order_cancelled', $4 from o
returning event_id)sql";

constexpr auto insert_discrepancy = R"sql(
with d as (
    insert into checkout.discrepancies (kind, subject, order_id, attempt_id, detail)
    values ($1, $2, $3, $4::uuid, $5::jsonb)
    on conflict (kind, subject) do nothing
    returning order_id, attempt_id, kind
)
insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
select order_id, attempt_id, 'discrepancy_opened', $6, $7, $5::jsonb || jsonb_build_object('discrepancy', kind) from d
returning event_id)sql";

} // namespace

std::string first_service::run(const std::string& statement, const std::vector<argument>& arguments) {
    const auto outcome = database_.run(fill(statement, arguments));
    if (!outcome.done())
        throw std::runtime_error(outcome.sqlstate + " " + outcome.message + statement);
    if (outcome.rows.empty())
        throw std::runtime_error("found no row: " + statement);
    return outcome.rows.front().front().value_or("");
}

std::string first_service::key(const std::string& order) {
    return database_.value(
        fill("select order_id from checkout.orders where merchant_order_id = $1", {order}));
}

std::string first_service::version(const std::string& order) {
    return database_.value(fill("select version from checkout.orders where merchant_order_id = $1", {order}));
}

std::string first_service::begin(const std::string& order, const std::string& lease_ms) {
    const auto id = make_uuid_v7();
    run(begin_first_attempt, {order,
                              id,
                              lease_ms,
                              "49.9",
                              "USD",
                              "hostedPage",
                              "false",
                              {},
                              {},
                              R"({"/originalAmount": "49.9"})",
                              std::string(64, 'a'),
                              "request"});
    return id;
}

std::string first_service::begin_next(const std::string& order, const std::string& number,
                                      const argument& supersedes) {
    const auto id = make_uuid_v7();
    run(advance_order_to_attempt, {key(order), version(order), number});
    run(begin_next_attempt, {id,
                             "15000",
                             "49.9",
                             "USD",
                             "hostedPage",
                             "false",
                             {},
                             {},
                             "{}",
                             std::string(64, 'b'),
                             "request",
                             number,
                             key(order),
                             supersedes});
    return id;
}

void first_service::lapse(const std::string& attempt) {
    run(lapse_attempt, {attempt, "request"});
}

void first_service::supersede(const std::string& attempt, const std::string& by) {
    run(supersede_session, {attempt, "request", by});
}

void first_service::release(const std::string& order, const std::string& attempt,
                            const std::string& session) {
    run(release_attempt, {key(order), attempt, "1", session, "https://pay.example/" + session, "cus_1",
                          "2030-01-02T03:04:05Z", "request", "{}", R"({"code": 200})"});
}

void first_service::close(const std::string& order, const std::string& attempt, const argument& refusal,
                          const argument& session) {
    run(close_attempt,
        {key(order), attempt, "1", refusal ? "refused" : "dark", refusal, {}, session, "request", "{}", {}});
}

void first_service::note_check(const std::string& attempt) {
    run(count_check, {attempt});
}

std::string first_service::pay(const std::string& order, const std::string& attempt,
                               const argument& clink_order) {
    set_state(order, clink_order ? "paid" : "underpaid", 1);
    run(settle_session, {attempt, "completed", "paid", "true", "true", "refresh", {}});
    const argument total = clink_order ? argument("49.9") : std::nullopt;
    const argument currency = clink_order ? argument("USD") : std::nullopt;
    return run(insert_payment, {key(order),
                                attempt,
                                "payment",
                                clink_order,
                                clink_order ? "exact" : "unknown",
                                "49.9",
                                "USD",
                                total,
                                total,
                                currency,
                                "USD",
                                {},
                                {},
                                {},
                                "refresh"});
}

void first_service::detail(const std::string& payment, const std::string& clink_order) {
    run(detail_payment, {payment, clink_order, "exact", "49.9", "49.9", "USD", "USD", {}, {}, {}});
}

void first_service::set_state(const std::string& order, const std::string& state, int payments) {
    run(settle_order, {key(order), version(order), state, std::to_string(payments)});
}

void first_service::cancel(const std::string& order) {
    run(cancel_order, {key(order), version(order), "cancelled", "request"});
}

void first_service::open_discrepancy(const std::string& order, const std::string& attempt,
                                     const std::string& kind) {
    run(insert_discrepancy, {kind, "attempt:" + attempt, key(order), attempt, "{}", {}, "request"});
}

} // namespace checkout::test
