-- What does not agree, and who said what of it: the service where a refund explained it, else most of it an operator.

create temp table found on commit drop as
select p.at, p.n, p.attempt_id, 'attempt:' || p.attempt_id || '/1' as subject, k.kind, jsonb_build_object(
        'asked', p.original_amount || ' ' || p.original_currency,
        'paid', p.amount_total || ' ' || p.payment_currency, 'verdict', p.verdict) as detail
from paid p
join lateral (select case p.story when 'other_currency' then 'currency_mismatch' when 'short' then 'amount_mismatch'
    when 'over' then 'amount_mismatch' end as kind) k on k.kind is not null
union all
select a.paid_at, a.n, a.attempt_id, 'attempt:' || a.attempt_id || '/1', case
        when a.role = 'paid_superseded' then 'paid_on_superseded'
        when a.role = 'paid_late' then 'paid_after_expiry'
        when a.role = 'paid_dark' then 'paid_on_dark_session'
        else 'paid_after_cancel' end, '{}'
from new_attempts a
where a.paid_at is not null and (a.role in ('paid_superseded', 'paid_late', 'paid_dark') or a.story = 'cancelled_paid')
union all
select max(p.at), p.n, (array_agg(p.attempt_id order by p.at desc))[1], 'order:ORD-' || p.n || '/2', 'duplicate_payment', '{"payments": "2"}'
from paid p
where p.story = 'duplicate'
group by p.n having count(*) = 2
union all
select a.stuck_at, a.n, a.attempt_id, 'attempt:' || a.attempt_id, 'stuck_unknown', '{}'
from new_attempts a
where a.stuck_at is not null;

insert into discrepancies
select f.at, f.n, f.attempt_id, f.kind, f.subject, f.detail,
    case when refunded_at is not null then refunded_at when operated_at <= until then operated_at end,
    case when refunded_at is not null then 'refunded' when operated_at <= until then 'settled with the customer' end,
    case when refunded_at is null and operated_at <= until and f.n % 2 = 0 then 'by mail' end,
    case when refunded_at is not null then 'service' when operated_at <= until then 'finance-desk' end
from found f
cross join span
cross join lateral (
    select case when f.kind <> 'stuck_unknown' and pg_temp.draw('resolved', f.n) < 0.85
        then f.at + pg_temp.seconds(3600 + pg_temp.draw('resolved_after', f.n) * 432000) end as operated_at,
        case when f.kind = 'duplicate_payment' then (
            select greatest(r.at, f.at) from given_back r where r.n = f.n and r.status = 'success' and r.is_full
            order by r.at limit 1) end as refunded_at
) l;

insert into discrepancies
select r.at, null::bigint, null::uuid, 'refund_without_payment', 'refund:' || r.clink_refund_id,
    jsonb_build_object('refundId', r.clink_refund_id, 'clinkOrderId', r.clink_order_id), null::timestamptz, null, null, null
from refunds r
where r.n is null and r.whom between :first and :last
union all
select since + (until - since) * (n / :orders::double precision), null, null, 'orphan_event',
    'event:evt_' || left(pg_temp.hex('event', n), 24),
    jsonb_build_object('type', 'order.succeeded'), null, null, null, null
from span, generate_series(:first::bigint, :last::bigint) n
where pg_temp.draw('orphan', n) < 0.0001;
