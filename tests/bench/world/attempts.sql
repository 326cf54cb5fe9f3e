-- Orders :first to :last, what their story is, and the attempts of each with all their moments; a moment after the end has
-- not come.
truncate new_orders, new_attempts;

-- The weights of the stories, of a thousand.
insert into new_orders
select n, created_at, story,
    case when story = 'converted' then 'USD' else currency end,
    round(((1 + exp(pg_temp.draw('amount', n) * 6)) * case currency when 'JPY' then 150 when 'KWD' then 0.3 else 1 end)::numeric,
        pg_temp.digits(case when story = 'converted' then 'USD' else currency end)),
    earlier || case story
        when 'superseded' then array['superseded', 'paid']
        when 'duplicate' then array[case when pg_temp.draw('duplicate', n) < 0.7 then 'paid_superseded' else 'paid_late' end, 'paid']
        when 'late' then array['paid_late']
        when 'dark_paid' then array['paid_dark']
        when 'unpaid' then array['expired']
        when 'cancelled' then array['expired']
        when 'processing' then array['slow']
        when 'failed' then array['failed']
        when 'refused' then array['refused']
        when 'dark' then array['dark']
        when 'stuck' then array['stuck']
        else array['paid'] end,
    case when story in ('cancelled', 'cancelled_paid') then pg_temp.seconds(60 + pg_temp.draw('cancelled', n) * 600) end
from (
    select n,
        since + (until - since - interval '1 minute') * ((n - 1 + pg_temp.draw('arrival', n)) / :orders) as created_at,
        case
            when chance < 700 then 'paid'
            when chance < 740 then 'converted'
            when chance < 770 then 'discounted'
            when chance < 780 then 'surcharged'
            when chance < 784 then 'short'
            when chance < 788 then 'over'
            when chance < 790 then 'amount_unknown'
            when chance < 790.3 then 'other_currency'
            when chance < 810 then 'processing'
            when chance < 814 then 'duplicate'
            when chance < 815 then 'late'
            when chance < 815.5 then 'dark_paid'
            when chance < 816 then 'cancelled_paid'
            when chance < 836 then 'superseded'
            when chance < 941 then 'unpaid'
            when chance < 958.5 then 'cancelled'
            when chance < 971.5 then 'refused'
            when chance < 984.5 then 'dark'
            when chance < 999.5 then 'failed'
            else 'stuck' end as story,
        case when pg_temp.draw('currency', n) < 0.45 then 'USD' when pg_temp.draw('currency', n) < 0.70 then 'EUR'
            when pg_temp.draw('currency', n) < 0.85 then 'BRL' when pg_temp.draw('currency', n) < 0.95 then 'JPY'
            else 'KWD' end as currency,
        case when pg_temp.draw('earlier', n) < 0.92 then '{}'::text[]
            when pg_temp.draw('earlier', n) < 0.98 then array[(array['expired', 'expired', 'refused', 'dark'])[1 + (n % 4)]]
            else array[(array['refused', 'dark', 'expired'])[1 + (n % 3)], 'refused'] end as earlier
    from span, (select n, pg_temp.draw('story', n) * 1000 as chance from generate_series(:first::bigint, :last::bigint) n) drawn
) told;
analyze new_orders;

-- `lasts` is how long after this attempt the next one begins.
insert into new_attempts
with begun as (
    select o.n, o.story, o.currency, o.amount, o.cancel_after, r.role, r.attempt, o.n * 8 + r.attempt as whom,
        r.attempt = cardinality(o.roles) as is_last,
        o.created_at + coalesce(sum(lasts) over (partition by o.n order by r.attempt
            rows between unbounded preceding and 1 preceding), interval '0') as created_at
    from new_orders o
    cross join unnest(o.roles) with ordinality r (role, attempt)
    cross join lateral (select pg_temp.seconds(case r.role
        when 'refused' then 20
        when 'dark' then 40
        when 'expired' then 3620 + pg_temp.draw('lasts', o.n * 8 + r.attempt) * 7200
        when 'paid_late' then 3700 + pg_temp.draw('lasts', o.n * 8 + r.attempt) * 600
        else 60 + pg_temp.draw('lasts', o.n * 8 + r.attempt) * 600 end) as lasts) l
), answered as (
    select b.*, created_at + pg_temp.seconds(case role when 'dark' then 15 when 'paid_dark' then 15
        else 0.2 + pg_temp.draw('answer', whom) * 1.5 end) as answered_at
    from begun b, span where created_at <= until - interval '1 minute'
), ordered as (
    select a.*, date_trunc('second', answered_at) + interval '1 hour' as expire_time,
        lead(answered_at) over (partition by n order by attempt) as next_answered_at,
        case when is_last then answered_at + cancel_after end as cancelled_at,
        case when role in ('paid_dark', 'paid_late') then 'sweeper' else pg_temp.evidence(whom) end as evidence
    from answered a
), paid as (
    select o.*,
        case when role in ('superseded', 'paid_superseded') then next_answered_at end as superseded_at,
        case when role in ('slow', 'failed') then answered_at + pg_temp.seconds(30 + pg_temp.draw('pays', whom) * 900) end as completed_at,
        case role
            when 'paid' then coalesce(cancelled_at, answered_at) + pg_temp.seconds(20 + pg_temp.draw('pays', whom) ^ 2 * 2000)
            when 'slow' then answered_at + pg_temp.seconds(1000 + pg_temp.draw('slow', whom) * 259200)
            when 'paid_late' then expire_time + pg_temp.seconds(7200 + pg_temp.draw('pays', whom) * 3600)
            when 'paid_superseded' then next_answered_at + pg_temp.seconds(10 + pg_temp.draw('pays', whom) * 1800)
            when 'paid_dark' then answered_at + pg_temp.seconds(60 + pg_temp.draw('pays', whom) * 1800)
            end as payment_time
    from ordered o
), known as (
    select p.*, payment_time + pg_temp.lag(evidence, whom) as paid_at,
        expire_time + pg_temp.seconds(5 + pg_temp.draw('lag', whom) * 3) as expired_at
    from paid p
), over as (
    select k.*, case
        when role in ('paid', 'slow', 'paid_superseded') then paid_at
        when role in ('expired', 'superseded', 'paid_late') then expired_at
        when role = 'failed' then completed_at + interval '1 day' end as ended_at
    from known k
)
select n, attempt, whom, role, story, pg_temp.uuid('attempt', whom, created_at),
    case when role not in ('refused', 'dark') then 'sess_' || left(pg_temp.hex('session', whom), 24) end,
    currency, amount, evidence, created_at, answered_at, expire_time,
    case when cancelled_at <= until then cancelled_at end,
    case when superseded_at <= until then superseded_at end,
    case when completed_at <= until then completed_at end,
    case when paid_at <= until then payment_time end,
    case when paid_at <= until then paid_at end,
    case when ended_at <= until then ended_at end,
    case when role = 'stuck' and expire_time + interval '61 minutes' <= until then expire_time + interval '61 minutes' end
from over, span;
analyze new_attempts;
