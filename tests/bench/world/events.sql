-- The story of the new orders as the service tells it: an event for each change, with what Clink said where it was asked.

create temp table changes on commit drop as
select a.*, c.*
from new_attempts a
cross join lateral (values
    (a.completed_at, 'completed', 'processing', a.evidence),
    (case when a.role in ('expired', 'superseded', 'paid_late', 'failed') then a.ended_at end, 'expired', 'unpaid', 'sweeper'),
    (a.paid_at, case when a.role = 'paid_dark' then 'dark' else 'completed' end, 'paid', a.evidence)
) c (at, status, payment_status, source)
where c.at is not null;

insert into events
select created_at, n, 0, attempt_id, 'attempt_created', null, '{}' from new_attempts
union all
select answered_at, n, 1, attempt_id, case role when 'refused' then 'attempt_refused' when 'dark' then 'attempt_dark'
        when 'paid_dark' then 'attempt_dark' else 'session_released' end, null,
    case when role in ('dark', 'paid_dark') then '{"outcome": "unknown", "durationMs": "10000", "detail": "no answer in time"}'
    when role = 'refused' then '{"outcome": "refused", "durationMs": "212", "httpStatus": "200", "code": "400301"}'
    else jsonb_build_object('outcome', 'accepted', 'durationMs', (100 + whom % 400)::text, 'httpStatus', '200',
        'sessionId', session_id, 'clink', jsonb_build_object('sessionId', session_id, 'originalAmount', amount::text,
            'originalCurrency', currency, 'merchantReferenceId', 'ORD-' || n, 'expireTime', expire_time)) end
from new_attempts
union all
select superseded_at, n, 0, attempt_id, 'session_superseded', null,
    jsonb_build_object('supersededBy', pg_temp.hex('attempt', whom + 1))
from new_attempts where superseded_at is not null
union all
select cancelled_at, n, 0, null, 'order_cancelled', null, '{}' from new_attempts where cancelled_at is not null
union all
select answered_at + interval '5 minutes', n, 0, attempt_id, 'customer_left', null, '{}'
from new_attempts where ended_at is not null and role = 'expired' and pg_temp.draw('left', whom) < 0.2
union all
select c.at, c.n, 10, c.attempt_id, 'session_changed', c.source, jsonb_build_object(
    'statusBefore', coalesce(lag(c.status) over told, case when role = 'paid_dark' then 'dark' else 'open' end),
    'status', c.status,
    'paymentStatusBefore', coalesce(lag(c.payment_status) over told, 'unpaid'), 'paymentStatus', c.payment_status,
    'clink', jsonb_strip_nulls(jsonb_build_object('sessionId', c.session_id, 'status', c.status, 'paymentStatus', c.payment_status,
        'merchantReferenceId', 'ORD-' || c.n, 'originalCurrency', c.currency, 'amountSubtotal', p.amount_subtotal::text,
        'amountTotal', p.amount_total::text, 'paymentCurrency', p.payment_currency,
        'orderId', 'order_' || left(pg_temp.hex('order', p.whom), 24))))
from changes c
left join paid p on p.whom = c.whom * 64 and c.payment_status = 'paid'
window told as (partition by c.whom order by c.at)
union all
select p.at, p.n, 11, p.attempt_id, 'payment_recorded', p.evidence, jsonb_strip_nulls(jsonb_build_object('kind', p.kind,
    'verdict', p.verdict, 'clinkOrderId', p.clink_order_id, 'amountTotal', p.amount_total::text,
    'paymentCurrency', p.payment_currency))
from payments p where p.n between :first and :last
union all
select r.at, r.n, 10, r.attempt_id, 'refund_recorded', 'webhook', jsonb_build_object('refundId', r.clink_refund_id,
    'clinkOrderId', r.clink_order_id, 'status', r.status, 'refundAmount', r.amount::text, 'refundCurrency', r.currency)
from refunds r where r.n between :first and :last
union all
select d.at, d.n, 10, null, 'dispute_recorded', 'webhook', jsonb_build_object('disputeId', 'cbi_' || left(pg_temp.hex('dispute', d.whom), 24),
    'status', d.status, 'disputeAmount', d.amount::text, 'disputeCurrency', d.currency)
from disputes d where d.n between :first and :last
union all
select d.at, d.n, 12, d.attempt_id, 'discrepancy_opened', 'sweeper', d.detail || jsonb_build_object('discrepancy', d.kind)
from discrepancies d where d.n between :first and :last
union all
select d.resolved_at, d.n, 13, d.attempt_id, 'discrepancy_resolved', case when d.resolved_by = 'service' then 'webhook' else 'operator' end,
    jsonb_build_object('discrepancy', d.kind, 'resolution', d.resolution)
from discrepancies d where d.n between :first and :last and d.resolved_at is not null;
