-- Finance's side of the record: a number for every event in the order of commits, and the schema `reconciliation`, whose
-- views are an API. Safe while the service of V3 still runs: its events are numbered like all others.

-- ------------------------------------------------------------------ the feed
-- A sequence would number events before they are committed: one that commits late would appear behind a reader. So events
-- are numbered after their commit, by one sequencer at a time, which holds the row of feed_head.
create table checkout.feed (
    feed_no  bigint primary key check (feed_no > 0),
    event_id bigint not null unique references checkout.events
);

create table checkout.feed_head (
    the_only     boolean primary key default true check (the_only),
    last_no      bigint not null default 0,
    backlog_done bigint not null default 0,
    backlog_to   bigint not null,
    complete_to  timestamptz not null default now()
);

create table checkout.feed_pending (
    event_id bigint not null
) with (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

comment on table checkout.feed is 'The number of each event in the order of commits: dense, from 1, never changed.';
comment on table checkout.feed_head is 'One row; whoever has it locked is the sequencer.';
comment on column checkout.feed_head.backlog_done is 'Events from before this table are numbered up to this id …';
comment on column checkout.feed_head.backlog_to is '… and were written up to this one.';
comment on column checkout.feed_head.complete_to is 'Whoever sees this value sees everything recorded before it; moved at least every two seconds.';
comment on table checkout.feed_pending is 'Events without a number; written in the transaction of the event itself.';

create function checkout.await_number() returns trigger language plpgsql as $$
begin
    insert into checkout.feed_pending (event_id) values (new.event_id);
    return null;
end $$;
create trigger events_await_number after insert on checkout.events
    for each row execute function checkout.await_number();
alter table checkout.events enable always trigger events_await_number;

-- The trigger's lock has let every event without it commit, so that none is missed between the two.
insert into checkout.feed_head (backlog_to) select coalesce(max(event_id), 0) from checkout.events;

create trigger feed_is_insert_only before update or delete on checkout.feed
    for each row execute function checkout.refuse_change();
create trigger feed_is_not_truncated before truncate on checkout.feed
    for each statement execute function checkout.refuse_change();
alter table checkout.feed enable always trigger feed_is_insert_only;
alter table checkout.feed enable always trigger feed_is_not_truncated;

grant select, insert on checkout.feed to checkout_service;
grant select, update on checkout.feed_head to checkout_service;
grant select, insert, delete on checkout.feed_pending to checkout_service;

-- ------------------------------------------------------------------ discrepancies that an operator resolves
alter table checkout.discrepancies add column by_operator boolean not null default false;
comment on column checkout.discrepancies.by_operator is 'Resolved by a person, whose word holds until the facts in detail are others; else by the service.';

-- ------------------------------------------------------------------ views
create schema if not exists reconciliation;
comment on schema reconciliation is 'What finance reads: documented, stable views of the record. Amounts are exact, in major units; times have their zone.';

create view reconciliation.sessions as
select
    s.created_at,
    s.attempt_id,
    s.clink_session_id as session_id,
    (select p.clink_order_id from checkout.payments p
     where p.order_id = s.order_id and p.attempt_id = s.attempt_id and p.kind = 'payment'
     order by p.payment_id limit 1) as clink_order_id,
    s.attempt,
    s.status,
    s.payment_status,
    s.original_amount,
    s.original_currency,
    (select p.amount_total from checkout.payments p
     where p.order_id = s.order_id and p.attempt_id = s.attempt_id and p.kind = 'payment'
     order by p.payment_id limit 1) as amount_total,
    (select p.payment_currency from checkout.payments p
     where p.order_id = s.order_id and p.attempt_id = s.attempt_id and p.kind = 'payment'
     order by p.payment_id limit 1) as payment_currency,
    (select p.verdict from checkout.payments p
     where p.order_id = s.order_id and p.attempt_id = s.attempt_id and p.kind = 'payment'
     order by p.payment_id limit 1) as verdict,
    s.ui_mode,
    s.released_at,
    s.expire_time,
    s.superseded_at,
    s.ended_at,
    s.settled_by,
    s.checked_at,
    s.refusal_code,
    s.customer_id,
    o.merchant_order_id,
    o.merchant_order_id as merchant_reference_id
from checkout.sessions s
join checkout.orders o on o.order_id = s.order_id;

create view reconciliation.payments as
select
    p.recorded_at,
    p.payment_id,
    s.clink_session_id as session_id,
    p.clink_order_id,
    s.attempt,
    p.kind,
    p.verdict,
    p.original_amount,
    p.original_currency,
    p.amount_total,
    p.payment_currency,
    p.amount_subtotal,
    p.clink_original_currency,
    p.refunded_amount,
    p.payment_time,
    p.evidence,
    p.subscription_id,
    p.invoice_id,
    o.merchant_order_id,
    o.merchant_order_id as merchant_reference_id
from checkout.payments p
join checkout.orders o on o.order_id = p.order_id
join checkout.sessions s on s.attempt_id = p.attempt_id;

create view reconciliation.refunds as
select
    r.recorded_at,
    r.refund_id as record_no,
    r.clink_refund_id as refund_id,
    r.clink_order_id,
    s.clink_session_id as session_id,
    r.payment_id,
    r.status,
    r.amount as refund_amount,
    r.currency as refund_currency,
    r.refund_time,
    r.updated_at,
    r.evidence,
    r.failure_code,
    r.refund_merchant_order_id,
    o.merchant_order_id,
    o.merchant_order_id as merchant_reference_id,
    r.reason as refund_reason
from checkout.refunds r
left join checkout.orders o on o.order_id = r.order_id
left join checkout.payments p on p.payment_id = r.payment_id
left join checkout.sessions s on s.attempt_id = p.attempt_id;

create view reconciliation.orders as
select
    o.created_at,
    o.state,
    b.original_amount,
    b.original_currency,
    o.last_attempt as attempts,
    o.payment_count,
    o.refund_count,
    o.cancelled_at,
    o.updated_at,
    o.merchant_order_id
from checkout.orders o
cross join lateral (
    select s.original_amount, s.original_currency
    from checkout.sessions s
    where s.order_id = o.order_id
    order by
        exists (select from checkout.payments p
                where p.order_id = s.order_id and p.attempt_id = s.attempt_id and p.kind = 'payment') desc,
        (s.released_at is not null and s.superseded_at is null and s.ended_at is null) desc,
        s.attempt desc
    limit 1
) b;

create view reconciliation.discrepancies as
select
    d.opened_at,
    d.discrepancy_id,
    d.kind,
    d.state,
    s.attempt,
    s.clink_session_id as session_id,
    d.resolved_at,
    d.resolved_by,
    o.merchant_order_id,
    d.subject,
    d.detail,
    d.resolution,
    d.note
from checkout.discrepancies d
left join checkout.orders o on o.order_id = d.order_id
left join checkout.sessions s on s.attempt_id = d.attempt_id;

create view reconciliation.events as
select
    f.feed_no,
    e.event_id,
    e.at,
    e.kind,
    s.attempt,
    case when e.at >= s.released_at then s.clink_session_id else e.data ->> 'sessionId' end as session_id,
    e.source,
    e.request_id,
    o.merchant_order_id,
    e.data
from checkout.feed f
join checkout.events e on e.event_id = f.event_id
join checkout.orders o on o.order_id = e.order_id
left join checkout.sessions s on s.attempt_id = e.attempt_id;

-- One definition of what is counted for the summary and for the view, with a range for the former.
create function reconciliation.totals(from_time timestamptz, to_time timestamptz)
returns table (
    day date,
    entry text,
    currency text,
    original_currency text,
    state text,
    payment_status text,
    count bigint,
    amount numeric,
    original_amount numeric,
    refunded_amount numeric
) language sql stable as $$
    select (s.created_at at time zone 'UTC')::date, 'session', s.original_currency, s.original_currency, s.status,
        s.payment_status, count(*), sum(s.original_amount), sum(s.original_amount), null::numeric
    from reconciliation.sessions s
    where s.created_at >= from_time and s.created_at < to_time
    group by 1, 3, 5, 6
    union all
    select (p.recorded_at at time zone 'UTC')::date, p.kind, p.payment_currency, p.original_currency, p.verdict,
        null, count(*), sum(p.amount_total), sum(p.original_amount), sum(p.refunded_amount)
    from reconciliation.payments p
    where p.recorded_at >= from_time and p.recorded_at < to_time
    group by 1, 2, 3, 4, 5
    union all
    select (r.recorded_at at time zone 'UTC')::date, 'refund', r.refund_currency, null, r.status,
        null, count(*), sum(r.refund_amount), null::numeric, null::numeric
    from reconciliation.refunds r
    where r.recorded_at >= from_time and r.recorded_at < to_time
    group by 1, 3, 5
$$;

create view reconciliation.daily_totals as
select day, entry, currency, original_currency, state, payment_status, count, amount, original_amount, refunded_amount
from reconciliation.totals('-infinity', 'infinity');

-- ------------------------------------------------------------------ what each thing is
comment on view reconciliation.orders is 'One row per order of the merchant.';
comment on column reconciliation.orders.created_at is 'When the first checkout page was asked for.';
comment on column reconciliation.orders.state is 'unpaid, processing, cancelled, paid, underpaid, overpaid, partially_refunded or refunded.';
comment on column reconciliation.orders.original_amount is 'What was asked in the attempt that was paid, else in the current one, else in the last.';
comment on column reconciliation.orders.original_currency is 'Its currency, ISO 4217.';
comment on column reconciliation.orders.attempts is 'How often a session was asked for at Clink.';
comment on column reconciliation.orders.payment_count is 'Payments on record, renewals of a subscription apart.';
comment on column reconciliation.orders.refund_count is 'Refunds on record.';
comment on column reconciliation.orders.cancelled_at is 'When the merchant gave it up.';
comment on column reconciliation.orders.updated_at is 'When it last changed.';
comment on column reconciliation.orders.merchant_order_id is 'The merchant''s own id of the order.';

comment on view reconciliation.sessions is 'One row per attempt to create a checkout session at Clink.';
comment on column reconciliation.sessions.created_at is 'When the attempt was recorded, before Clink was called; days and ranges go by it.';
comment on column reconciliation.sessions.attempt_id is 'The attempt''s own id; Clink has it in the session''s metadata as checkoutAttemptId.';
comment on column reconciliation.sessions.session_id is 'Clink''s id of the session; null while it is not known.';
comment on column reconciliation.sessions.clink_order_id is 'Clink''s order that paid it: of its first payment.';
comment on column reconciliation.sessions.attempt is 'Its number among the order''s attempts, from 1.';
comment on column reconciliation.sessions.status is 'creating, refused, dark, open, completed or expired.';
comment on column reconciliation.sessions.payment_status is 'unpaid, processing or paid.';
comment on column reconciliation.sessions.original_amount is 'What was asked.';
comment on column reconciliation.sessions.original_currency is 'Its currency, ISO 4217.';
comment on column reconciliation.sessions.amount_total is 'What was paid, of its first payment, as Clink gave it.';
comment on column reconciliation.sessions.payment_currency is 'The currency of amount_total.';
comment on column reconciliation.sessions.verdict is 'How the amount paid compares with the amount asked, of its first payment.';
comment on column reconciliation.sessions.ui_mode is 'hostedPage or elements.';
comment on column reconciliation.sessions.released_at is 'When the storefront was given the page; null: it never was.';
comment on column reconciliation.sessions.expire_time is 'When Clink closes the page.';
comment on column reconciliation.sessions.superseded_at is 'When another session took its place at the storefront''s wish.';
comment on column reconciliation.sessions.ended_at is 'When Clink first said that it is over.';
comment on column reconciliation.sessions.settled_by is 'The evidence that decided: redirect, refresh, webhook, sweeper, reconcile or operator.';
comment on column reconciliation.sessions.checked_at is 'When Clink last answered about it.';
comment on column reconciliation.sessions.refusal_code is 'Why Clink, or this service, refused it.';
comment on column reconciliation.sessions.customer_id is 'Clink''s id of the customer.';
comment on column reconciliation.sessions.merchant_order_id is 'The merchant''s own id of the order.';
comment on column reconciliation.sessions.merchant_reference_id is 'What Clink has it under: merchantReferenceId.';

comment on view reconciliation.payments is 'One row per successful order of Clink''s; what is known of a payment never changes, refunds apart.';
comment on column reconciliation.payments.recorded_at is 'When this service learned of it; days and ranges go by it, so that a closed day stays closed.';
comment on column reconciliation.payments.payment_id is 'Its number in this service''s record.';
comment on column reconciliation.payments.session_id is 'Clink''s id of the session that was paid.';
comment on column reconciliation.payments.clink_order_id is 'Clink''s id of the order, its word for a payment; null until it is known.';
comment on column reconciliation.payments.attempt is 'The attempt''s number among its order''s, from 1.';
comment on column reconciliation.payments.kind is 'payment, or renewal: a later payment of a subscription.';
comment on column reconciliation.payments.verdict is 'exact, converted, discounted, surcharged, over, short or unknown: paid against asked.';
comment on column reconciliation.payments.original_amount is 'What was asked.';
comment on column reconciliation.payments.original_currency is 'Its currency, ISO 4217.';
comment on column reconciliation.payments.amount_total is 'What was paid, as Clink gave it; null until it is known.';
comment on column reconciliation.payments.payment_currency is 'The currency of amount_total and refunded_amount.';
comment on column reconciliation.payments.amount_subtotal is 'Clink''s amount before taxes, fees and discounts.';
comment on column reconciliation.payments.clink_original_currency is 'What Clink says that the currency of the order was.';
comment on column reconciliation.payments.refunded_amount is 'Sum of the refunds that Clink says succeeded, in payment_currency.';
comment on column reconciliation.payments.payment_time is 'When it was paid, by Clink''s clock; null until it is known.';
comment on column reconciliation.payments.evidence is 'What led to it: redirect, refresh, webhook, sweeper, reconcile or operator.';
comment on column reconciliation.payments.subscription_id is 'Clink''s id of the subscription.';
comment on column reconciliation.payments.invoice_id is 'Clink''s id of the invoice.';
comment on column reconciliation.payments.merchant_order_id is 'The merchant''s own id of the order.';
comment on column reconciliation.payments.merchant_reference_id is 'What Clink has it under: merchantReferenceId.';

comment on view reconciliation.refunds is 'One row per refund of Clink''s, those included that the merchant never asked for.';
comment on column reconciliation.refunds.recorded_at is 'When this service learned of it; days and ranges go by it.';
comment on column reconciliation.refunds.record_no is 'Its number in this service''s record.';
comment on column reconciliation.refunds.refund_id is 'Clink''s id of the refund.';
comment on column reconciliation.refunds.clink_order_id is 'Clink''s id of the order that was refunded.';
comment on column reconciliation.refunds.session_id is 'Clink''s id of the session whose payment was refunded.';
comment on column reconciliation.refunds.payment_id is 'The payment; null: none of that order is on record.';
comment on column reconciliation.refunds.status is 'created, refunding, received, success, failed, closed or unknown.';
comment on column reconciliation.refunds.refund_amount is 'Its amount; null until it is known.';
comment on column reconciliation.refunds.refund_currency is 'The currency of refund_amount.';
comment on column reconciliation.refunds.refund_time is 'When it was made, by Clink''s clock.';
comment on column reconciliation.refunds.updated_at is 'When it last changed here.';
comment on column reconciliation.refunds.evidence is 'What led to it.';
comment on column reconciliation.refunds.failure_code is 'Why it failed, as Clink says.';
comment on column reconciliation.refunds.refund_merchant_order_id is 'The merchant''s own id of the refund, if the merchant asked for it.';
comment on column reconciliation.refunds.merchant_order_id is 'The merchant''s own id of the order; null: none of ours is known.';
comment on column reconciliation.refunds.merchant_reference_id is 'What Clink has the order under: merchantReferenceId.';
comment on column reconciliation.refunds.refund_reason is 'As given to Clink.';

comment on view reconciliation.discrepancies is 'What does not agree: opened by the service, explained by it or resolved by an operator.';
comment on column reconciliation.discrepancies.opened_at is 'When it was found.';
comment on column reconciliation.discrepancies.discrepancy_id is 'Its number.';
comment on column reconciliation.discrepancies.kind is 'duplicate_payment, amount_mismatch and so on: what does not agree.';
comment on column reconciliation.discrepancies.state is 'open or resolved.';
comment on column reconciliation.discrepancies.attempt is 'The attempt that it is about.';
comment on column reconciliation.discrepancies.session_id is 'Clink''s id of that attempt''s session.';
comment on column reconciliation.discrepancies.resolved_at is 'When it was resolved.';
comment on column reconciliation.discrepancies.resolved_by is 'The name of the operator''s token, or service: new facts explained it.';
comment on column reconciliation.discrepancies.merchant_order_id is 'The merchant''s own id of the order; null: it belongs to none.';
comment on column reconciliation.discrepancies.subject is 'What it is about; one row per kind and subject.';
comment on column reconciliation.discrepancies.detail is 'The facts that do not agree.';
comment on column reconciliation.discrepancies.resolution is 'Why it is no longer open.';
comment on column reconciliation.discrepancies.note is 'The operator''s note.';

comment on view reconciliation.events is 'Everything that happened, in the order of commits; feed_no has no gaps.';
comment on column reconciliation.events.feed_no is 'Its number: dense, from 1, given after the commit and never changed.';
comment on column reconciliation.events.event_id is 'Its number in the order of writing; has gaps.';
comment on column reconciliation.events.at is 'When it happened.';
comment on column reconciliation.events.kind is 'attempt_created, payment_recorded and so on.';
comment on column reconciliation.events.attempt is 'The attempt that it is about; null: the order.';
comment on column reconciliation.events.session_id is 'Clink''s id of its session, once the page was out or where the event names it; never changes.';
comment on column reconciliation.events.source is 'The evidence: redirect, refresh, webhook, sweeper, reconcile or operator.';
comment on column reconciliation.events.request_id is 'The request that led to it, as in the logs.';
comment on column reconciliation.events.merchant_order_id is 'The merchant''s own id of the order.';
comment on column reconciliation.events.data is 'What it says; Clink''s answers without their secrets.';

comment on view reconciliation.daily_totals is 'Per UTC day and currency: counts and sums by state; foots with sessions, payments and refunds.';
comment on column reconciliation.daily_totals.day is 'UTC: of created_at for sessions, of recorded_at for payments and refunds.';
comment on column reconciliation.daily_totals.entry is 'session, payment, renewal or refund: what is counted.';
comment on column reconciliation.daily_totals.currency is 'The currency of amount: asked for sessions, paid for payments, refunded for refunds.';
comment on column reconciliation.daily_totals.original_currency is 'The currency that was asked; null for refunds.';
comment on column reconciliation.daily_totals.state is 'Of a session its status, of a payment its verdict, of a refund its status.';
comment on column reconciliation.daily_totals.payment_status is 'Of a session; null for the others.';
comment on column reconciliation.daily_totals.count is 'How many.';
comment on column reconciliation.daily_totals.amount is 'Sum in currency; those whose amount is not known are counted and add nothing.';
comment on column reconciliation.daily_totals.original_amount is 'Sum of what was asked, in original_currency; null for refunds.';
comment on column reconciliation.daily_totals.refunded_amount is 'Of payments: the sum that was refunded, in currency.';

comment on function reconciliation.totals(timestamptz, timestamptz) is 'daily_totals of what lies from the one time up to, and without, the other.';

-- ------------------------------------------------------------------ who may do what
grant usage on schema reconciliation to finance_reader, checkout_service;
grant select on all tables in schema reconciliation to finance_reader, checkout_service;
