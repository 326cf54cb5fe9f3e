-- What was paid on the new attempts, renewed, given back and disputed.

create temp table paid on commit drop as
select a.paid_at as at, a.n, a.attempt_id, a.whom * 64 as whom, 'payment' as kind, a.story,
    a.amount as original_amount, a.currency as original_currency,
    case when a.role = 'paid_superseded' or a.role = 'paid_late' then 'exact'
        when a.story in ('converted', 'discounted', 'surcharged', 'short', 'over') then a.story
        when a.story in ('amount_unknown', 'other_currency') then 'unknown'
        else 'exact' end as verdict,
    case a.story
        when 'converted' then a.amount * 5.3712
        when 'discounted' then round(a.amount * 0.9, pg_temp.digits(a.currency))
        when 'surcharged' then a.amount + round(a.amount * 0.06, pg_temp.digits(a.currency)) + 1
        when 'short' then round(a.amount * 0.5, pg_temp.digits(a.currency))
        when 'over' then a.amount + 5
        when 'amount_unknown' then null
        else a.amount end as amount_total,
    case a.story when 'over' then a.amount + 5 when 'amount_unknown' then null else a.amount end as amount_subtotal,
    case a.story when 'converted' then 'BRL' when 'amount_unknown' then null
        when 'other_currency' then 'MXN' else a.currency end as payment_currency,
    case when a.story = 'other_currency' then 'MXN' else a.currency end as clink_original_currency,
    case when a.story = 'paid' and a.role = 'paid' and pg_temp.draw('subscription', a.n) < 0.08
        then case when pg_temp.draw('subscription', a.n) < 0.04 then interval '7 days' else interval '30 days' end end as period,
    a.role in ('paid_superseded', 'paid_late') and a.story = 'duplicate' as is_extra,
    a.payment_time, a.evidence
from new_attempts a
where a.paid_at is not null;
analyze paid;

-- All of an extra payment is given back more often than not, else one payment in thirty is, or a part of it.
create temp table given_back on commit drop as
select r.*, case
    when failed then 'failed'
    when at > until - interval '1 day' then 'refunding'
    else 'success' end as status
from (
    select p.n, p.attempt_id, p.whom, p.payment_currency as currency,
        payment_time + pg_temp.seconds(3600 + pg_temp.draw('refund_time', p.whom) ^ 2 * 1728000) as refund_time,
        payment_time + pg_temp.seconds(3602 + pg_temp.draw('refund_time', p.whom) ^ 2 * 1728000) as at,
        is_extra or pg_temp.draw('refund_extent', p.whom) < 0.6 as is_full,
        not is_extra and pg_temp.draw('refund_extent', p.whom) > 0.9 as failed,
        case when is_extra or pg_temp.draw('refund_extent', p.whom) < 0.6 then amount_total
            else round(amount_total * 0.3, pg_temp.digits(payment_currency)) end as amount
    from paid p
    where p.verdict not in ('unknown', 'short')
        and case when is_extra then pg_temp.draw('refund', p.whom) < 0.6 else pg_temp.draw('refund', p.whom) < 0.035 end
) r, span
where at <= until and amount > 0;
analyze given_back;

insert into refunds
select at, n, attempt_id, whom, 'rfd_' || left(pg_temp.hex('refund', whom), 24), 'order_' || left(pg_temp.hex('order', whom), 24),
    status, amount, currency,
    (array['Customer Initiated Refund', 'Duplicate payment', 'Other'])[1 + (n % 3)],
    case when status = 'failed' then 'channel_refused' end,
    case when pg_temp.draw('refund_asked', whom) < 0.7 then 'RF-' || n end, refund_time
from given_back;

-- Nobody knows these: the shop took money at Clink by other ways as well.
insert into refunds
select since + (until - since) * (n / :orders::double precision), null, null, n, 'rfd_' || left(pg_temp.hex('stray', n), 24),
    'order_' || left(pg_temp.hex('stray_order', n), 24), 'success', 10 + n % 90, 'USD', 'Other', null, null,
    since + (until - since) * (n / :orders::double precision) - interval '2 seconds'
from span, generate_series(:first::bigint, :last::bigint) n
where pg_temp.draw('stray', n) < 0.0001;

insert into payments
select p.at, p.n, p.attempt_id, p.whom, p.kind, 'order_' || left(pg_temp.hex('order', p.whom), 24), p.verdict, p.original_amount,
    p.original_currency, p.amount_total, p.amount_subtotal, p.payment_currency, p.clink_original_currency,
    case when p.verdict <> 'unknown' then p.original_amount end,
    case when r.status = 'success' then r.amount else 0 end,
    case when r.status is distinct from 'success' then 'none' when r.is_full then 'full' else 'partial' end,
    case when period is not null then 'sub_' || left(pg_temp.hex('subscription', p.n), 24) end,
    case when period is not null then 'inv_' || left(pg_temp.hex('invoice', p.whom), 24) end,
    p.payment_time, p.evidence
from paid p
left join given_back r using (whom);

insert into payments
select p.payment_time + p.period * k + interval '20 seconds', p.n, p.attempt_id, p.whom + k, 'renewal',
    'order_' || left(pg_temp.hex('order', p.whom + k), 24), 'exact', p.original_amount, p.original_currency, p.amount_total,
    p.amount_subtotal, p.payment_currency, p.clink_original_currency, p.original_amount, 0, 'none',
    'sub_' || left(pg_temp.hex('subscription', p.n), 24), 'inv_' || left(pg_temp.hex('invoice', p.whom + k), 24),
    p.payment_time + p.period * k, 'webhook'
from paid p, span, generate_series(1, 60) k
where p.period is not null and p.payment_time + p.period * k + interval '20 seconds' <= until;

insert into disputes
select payment_time + pg_temp.seconds(864000 + pg_temp.draw('dispute_time', whom) * 1728000), n, whom,
    'order_' || left(pg_temp.hex('order', whom), 24), (array['pending', 'processing', 'won', 'lost'])[1 + n % 4], amount_total,
    payment_currency
from paid, span
where pg_temp.draw('dispute', whom) < 0.0008
    and payment_time + pg_temp.seconds(864000 + pg_temp.draw('dispute_time', whom) * 1728000) <= until;
