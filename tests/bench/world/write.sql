-- What was made becomes rows of the record: orders and attempts at once, as they stand at the end of the story; the rest when
-- its time has come (:upto), in the order of time, as it would have been written.

insert into checkout.orders (order_id, merchant_order_id, version, state, last_attempt, payment_count, refund_count, cancelled_at,
    created_at, updated_at)
overriding system value
select o.n, 'ORD-' || o.n, 1 + a.attempts + a.released + coalesce(p.payments, 0) + coalesce(r.refunds, 0), case
        when p.with_remainder >= 2 then 'overpaid'
        when p.doubtful then 'underpaid'
        when p.partly_refunded then 'partially_refunded'
        when p.with_remainder = 1 then 'paid'
        when p.payments > 0 then 'refunded'
        when a.processing then 'processing'
        when a.cancelled_at is not null then 'cancelled'
        else 'unpaid' end,
    a.attempts, coalesce(p.payments, 0), coalesce(r.refunds, 0), a.cancelled_at, o.created_at,
    greatest(a.updated_at, p.updated_at, r.updated_at)
from new_orders o
join (
    select n, count(*) as attempts, count(*) filter (where role not in ('refused', 'dark', 'paid_dark')) as released,
        bool_or(completed_at is not null and ended_at is null) as processing, max(cancelled_at) as cancelled_at,
        greatest(max(answered_at), max(ended_at), max(completed_at)) as updated_at
    from new_attempts group by n
) a using (n)
left join (
    select n, count(*) filter (where kind = 'payment') as payments,
        count(*) filter (where kind = 'payment' and remains) as with_remainder,
        coalesce(bool_or(kind = 'payment' and verdict in ('short', 'unknown')), false) as doubtful,
        coalesce(bool_or(kind = 'payment' and remains and refunded_amount > 0), false) as partly_refunded, max(at) as updated_at
    from payments
    cross join lateral (select refund_extent <> 'full' and (amount_total is null or refunded_amount < amount_total) as remains) l
    where n between :first and :last
    group by n
) p using (n)
left join (select n, count(*) as refunds, max(at) as updated_at from refunds where n between :first and :last group by n) r using (n)
order by o.n;

insert into checkout.sessions (attempt_id, order_id, attempt, status, payment_status, original_amount, original_currency, ui_mode,
    allow_promotion_codes, success_url, cancel_url, terms, terms_fingerprint, clink_session_id, url, customer_id, expire_time,
    refusal_code, refusal_message, supersedes, released_at, superseded_at, ended_at, cancel_visited_at, settled_by, checked_at,
    check_count, created_at, next_check_at, failed_checks, stuck_at)
select a.attempt_id, a.n, a.attempt, s.status,
    case when a.paid_at is not null then 'paid' when a.completed_at is not null and a.ended_at is null then 'processing' else 'unpaid' end,
    a.amount, a.currency, 'hostedPage', t.promotion, 'https://shop.example/thanks', 'https://shop.example/cart', t.terms,
    encode(sha256(convert_to(t.text, 'UTF8')), 'hex'), a.session_id,
    case when s.is_released and a.ended_at is null then 'https://checkout.clinkbill.example/pay/' || pg_temp.hex('url', a.whom) end,
    case when s.is_released then 'cus_' || left(pg_temp.hex('customer', a.n), 24) end,
    case when s.is_released then a.expire_time end,
    case when a.role = 'refused' then '400301' end, case when a.role = 'refused' then 'PRICE_CHECK_FAILED' end,
    case when a.supersedes_last then a.last_attempt_id end,
    case when s.is_released then a.answered_at end, a.superseded_at, a.ended_at,
    case when a.ended_at is not null and a.role = 'expired' and pg_temp.draw('left', a.whom) < 0.2
        then a.answered_at + interval '5 minutes' end,
    case when a.paid_at is not null or (a.completed_at is not null and a.ended_at is null) then a.evidence
        when a.ended_at is not null then 'sweeper' end,
    case when s.status = 'open' and a.role <> 'stuck' then greatest(a.answered_at, until - interval '2 minutes')
        when a.role = 'stuck' then a.answered_at + interval '10 minutes'
        else coalesce(greatest(a.paid_at, a.ended_at, a.completed_at), a.answered_at) end,
    1 + (a.whom % 7)::integer, a.created_at,
    case
        when a.ended_at is not null and a.story = 'amount_unknown' and a.paid_at is not null
            then coalesce(pg_temp.next_after_end(a.ended_at, until), until + interval '1 hour' * pg_temp.draw('next', a.whom))
        when a.ended_at is not null then pg_temp.next_after_end(a.ended_at, until)
        when s.is_released then least(pg_temp.next_on_grid(a.answered_at, until),
            case when a.expire_time + interval '5 seconds' > until then a.expire_time + interval '5 seconds' end)
        when a.created_at > until - interval '71 hours' then until
            + greatest(interval '5 minutes', least(interval '1 hour', (until - a.created_at) / 8)) * pg_temp.draw('next', a.whom) end,
    case when a.role = 'stuck' then 12 else 0 end, a.stuck_at
from span, (
    select b.*, lag(attempt_id) over (partition by n order by attempt) as last_attempt_id,
        coalesce(lag(superseded_at) over (partition by n order by attempt) is not null, false) as supersedes_last
    from new_attempts b
) a
cross join lateral (
    select a.role not in ('refused', 'dark', 'paid_dark') as is_released, case
        when a.role = 'refused' then 'refused'
        when a.role in ('dark', 'paid_dark') then 'dark'
        when a.paid_at is not null then 'completed'
        when a.ended_at is not null then 'expired'
        when a.completed_at is not null then 'completed'
        else 'open' end as status
) s
cross join lateral (
    select a.n || '@customers.example' as email, a.story = 'discounted' as promotion,
        (array['Desk lamp', 'Standing desk', 'Chair, oak', 'Shelf, 120 cm', 'Rug', 'Carpet “Bolívar”'])[1 + a.whom % 6] as name
) g
cross join lateral (
    select g.promotion,
        jsonb_build_object('/cancelUrl', 'https://shop.example/cart', '/customerEmail', g.email, '/originalAmount', a.amount::text,
            '/originalCurrency', a.currency, '/priceDataList/0/currency', a.currency, '/priceDataList/0/name', g.name,
            '/priceDataList/0/quantity', '1', '/priceDataList/0/unitAmount', a.amount::text,
            '/successUrl', 'https://shop.example/thanks', '/uiMode', 'hostedPage')
            || case when g.promotion then '{"/allowPromotionCodes": "true"}' else '{}'::jsonb end as terms,
        case when g.promotion then pg_temp.sized('/allowPromotionCodes') || pg_temp.sized('true') else '' end
            || pg_temp.sized('/cancelUrl') || pg_temp.sized('https://shop.example/cart')
            || pg_temp.sized('/customerEmail') || pg_temp.sized(g.email)
            || pg_temp.sized('/originalAmount') || pg_temp.sized(a.amount::text)
            || pg_temp.sized('/originalCurrency') || pg_temp.sized(a.currency)
            || pg_temp.sized('/priceDataList/0/currency') || pg_temp.sized(a.currency)
            || pg_temp.sized('/priceDataList/0/name') || pg_temp.sized(g.name)
            || pg_temp.sized('/priceDataList/0/quantity') || pg_temp.sized('1')
            || pg_temp.sized('/priceDataList/0/unitAmount') || pg_temp.sized(a.amount::text)
            || pg_temp.sized('/successUrl') || pg_temp.sized('https://shop.example/thanks')
            || pg_temp.sized('/uiMode') || pg_temp.sized('hostedPage') as text
) t
order by a.created_at, a.whom;

insert into checkout.payments (order_id, attempt_id, kind, clink_order_id, verdict, original_amount, original_currency, amount_total,
    amount_subtotal, payment_currency, clink_original_currency, items_total, refunded_amount, clink_refund_extent, subscription_id,
    invoice_id, payment_time, evidence, recorded_at)
select n, attempt_id, kind, clink_order_id, verdict, original_amount, original_currency, amount_total, amount_subtotal,
    payment_currency, clink_original_currency, items_total, refunded_amount, refund_extent, subscription_id, invoice_id,
    payment_time, evidence, at
from payments where at < :'upto' order by at, whom;
delete from payments where at < :'upto';

insert into checkout.refunds (clink_refund_id, clink_order_id, order_id, payment_id, refund_merchant_order_id, status, amount,
    currency, reason, failure_code, refund_time, evidence, recorded_at, updated_at, next_check_at)
select r.clink_refund_id, r.clink_order_id, r.n, p.payment_id, r.merchant_order_id, r.status, r.amount, r.currency, r.reason,
    r.failure_code, r.refund_time, 'webhook', r.at, r.at, case when r.status = 'refunding' then until + interval '1 hour' end
from refunds r
cross join span
left join checkout.payments p on p.clink_order_id = r.clink_order_id
where r.at < :'upto' order by r.at, r.whom;
delete from refunds where at < :'upto';

insert into checkout.disputes (clink_dispute_id, clink_order_id, order_id, status, amount, currency, reason_code, said_at,
    recorded_at, updated_at)
select 'cbi_' || left(pg_temp.hex('dispute', whom), 24), clink_order_id, n, status, amount, currency, '10.4', at, at, at
from disputes where at < :'upto' order by at, whom;
delete from disputes where at < :'upto';

insert into checkout.discrepancies (kind, subject, order_id, attempt_id, state, detail, opened_at, resolved_at, resolution, note,
    resolved_by, by_operator)
select kind, subject, n, attempt_id, case when resolved_at is null then 'open' else 'resolved' end, detail, at, resolved_at,
    resolution, note, resolved_by, resolved_by is not null and resolved_by <> 'service'
from discrepancies where at < :'upto' order by at, subject, kind;
delete from discrepancies where at < :'upto';

-- Events are numbered here and not by the service's sequencer, so that none has to wait for its number. Transactions commit up
-- to 40 ms after they wrote, so numbers do not quite follow the order of writing.
truncate numbered_events;
insert into numbered_events
select last_no + row_number() over (order by at, n, place, kind, data), last_no
        + row_number() over (order by at + n % 40 * interval '1 millisecond', n, at, place, kind, data), at, n, attempt_id, kind, source, data
from events, checkout.feed_head where at < :'upto';
delete from events where at < :'upto';

alter table checkout.events disable trigger events_await_number;
insert into checkout.events (event_id, order_id, attempt_id, kind, at, source, request_id, data)
overriding system value
select event_id, n, attempt_id, kind, at, source,
    case when source is distinct from 'sweeper' then pg_temp.hex('request', event_id)::uuid::text end, data
from numbered_events order by event_id;
alter table checkout.events enable always trigger events_await_number;

insert into checkout.feed (feed_no, event_id) select feed_no, event_id from numbered_events order by feed_no;
update checkout.feed_head set last_no = last_no + (select count(*) from numbered_events);
