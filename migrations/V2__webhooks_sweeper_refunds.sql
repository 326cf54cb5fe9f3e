-- What lets no payment stay unknown: when each session is asked about next, Clink's webhooks as they came, refunds and
-- disputes. Safe while the service of V1 still runs: what it writes has a next check by default, and it writes nothing
-- that the new columns forbid.

-- ------------------------------------------------------------------ the sweeper's work
alter table checkout.sessions
    add column next_check_at timestamptz default now() + interval '20 seconds',
    add column failed_checks integer not null default 0 check (failed_checks >= 0),
    add column stuck_at timestamptz,
    add column awaited boolean not null default false;

comment on column checkout.sessions.next_check_at is
    'When the sweeper asks Clink next, or looks whether a lease ran out; null: never again. A claim moves it ahead.';
comment on column checkout.sessions.failed_checks is 'Questions in a row that Clink did not answer.';
comment on column checkout.sessions.stuck_at is 'Since when Clink''s silence about it is a discrepancy (stuck_unknown).';
comment on column checkout.sessions.awaited is 'Another replica waits for this attempt''s end and wants to be notified.';

-- ------------------------------------------------------------------ refunds and disputes
alter table checkout.orders add column refund_count integer not null default 0 check (refund_count >= 0);

alter table checkout.payments
    add column items_total numeric,
    add column clink_refund_extent text not null default 'none' check (clink_refund_extent in ('none', 'partial', 'full'));

comment on column checkout.payments.clink_refund_extent is 'What the status of Clink''s order says of refunds; it only ever grows.';
comment on column checkout.payments.items_total is 'What Clink lists as bought, in clink_original_currency.';
comment on column checkout.payments.refunded_amount is 'Sum of the refunds that Clink says succeeded, in payment_currency.';

create table checkout.refunds (
    refund_id                bigint generated always as identity primary key,
    clink_refund_id          text collate "C" not null unique check (clink_refund_id <> ''),
    clink_order_id           text collate "C" not null check (clink_order_id <> ''),
    order_id                 bigint references checkout.orders,
    payment_id               bigint references checkout.payments,
    refund_merchant_order_id text,
    status                   text not null
        check (status in ('created', 'refunding', 'received', 'success', 'failed', 'closed', 'unknown')),
    amount                   numeric check (amount >= 0),
    currency                 text,
    reason                   text,
    failure_code             text,
    refund_time              timestamptz,
    evidence                 text not null
        check (evidence in ('redirect', 'refresh', 'webhook', 'sweeper', 'reconcile', 'operator')),
    recorded_at              timestamptz not null default now(),
    updated_at               timestamptz not null default now(),
    next_check_at            timestamptz,
    check_count              integer not null default 0,
    check (payment_id is null or order_id is not null)
) with (fillfactor = 80);

comment on table checkout.refunds is 'One row per refund of Clink''s, those included that the merchant never asked for.';
comment on column checkout.refunds.next_check_at is 'When Clink is asked about it again; null once its status is final.';
create index refunds_order on checkout.refunds (order_id);
create index refunds_recorded on checkout.refunds (recorded_at, refund_id);
create index refunds_due on checkout.refunds (next_check_at) where next_check_at is not null;
create index refunds_stray on checkout.refunds (clink_order_id) where payment_id is null;

create table checkout.disputes (
    dispute_id        bigint generated always as identity primary key,
    clink_dispute_id  text collate "C" not null unique check (clink_dispute_id <> ''),
    clink_order_id    text collate "C",
    order_id          bigint references checkout.orders,
    status            text not null check (status in ('pending', 'processing', 'won', 'lost', 'withdrawn', 'unknown')),
    amount            numeric,
    currency          text,
    reason_code       text,
    reason            text,
    evidence_deadline timestamptz,
    said_at           timestamptz not null,
    recorded_at       timestamptz not null default now(),
    updated_at        timestamptz not null default now()
);

comment on table checkout.disputes is 'One row per dispute, as the newest of its webhooks says; Clink has no call to ask about one.';
comment on column checkout.disputes.said_at is 'When Clink made the event that the row is from; an older one changes nothing.';
create index disputes_order on checkout.disputes (order_id);

-- ------------------------------------------------------------------ webhooks
create table checkout.webhooks (
    webhook_id       bigint generated always as identity primary key,
    event_id         text collate "C" not null unique check (octet_length(event_id) between 1 and 512),
    type             text,
    body             bytea not null,
    signed_at        timestamptz not null,
    late             boolean not null default false,
    state            text not null default 'received' check (state in ('received', 'parked', 'done')),
    outcome          text,
    order_id         bigint references checkout.orders,
    answer           text,
    deliveries       integer not null default 1,
    tries            integer not null default 0,
    next_try_at      timestamptz,
    request_id       text,
    received_at      timestamptz not null default now(),
    handled_at       timestamptz,
    check (state <> 'done' or next_try_at is null),
    check ((state = 'done') = (handled_at is not null))
) with (fillfactor = 80);

comment on table checkout.webhooks is 'The inbox: every authentic event of Clink''s, once by its id, committed before it is acknowledged.';
comment on column checkout.webhooks.body is 'As received, byte for byte; may hold a page''s token.';
comment on column checkout.webhooks.answer is 'What order.succeeded was answered with, for its duplicates.';
comment on column checkout.webhooks.next_try_at is 'When it is handled, again, should the process that took it not have come to its end.';
create index webhooks_due on checkout.webhooks (next_try_at) where next_try_at is not null;

-- ------------------------------------------------------------------ what never happens
create trigger refunds_are_kept before delete on checkout.refunds
    for each row execute function checkout.refuse_change();
create trigger disputes_are_kept before delete on checkout.disputes
    for each row execute function checkout.refuse_change();

-- A refund that Clink said succeeded stays so, and what is known of it stays as it is.
create function checkout.guard_refund() returns trigger language plpgsql as $$
begin
    if (old.status = 'success' and new.status <> 'success')
       or new.clink_refund_id <> old.clink_refund_id or new.clink_order_id <> old.clink_order_id
       or new.recorded_at <> old.recorded_at
       or (old.payment_id is not null and new.payment_id is distinct from old.payment_id)
       or (old.status = 'success' and ((old.amount is not null and new.amount is distinct from old.amount)
           or (old.currency is not null and new.currency is distinct from old.currency))) then
        raise exception 'refund %: what is known of a refund never changes', old.refund_id
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger refunds_guard before update on checkout.refunds
    for each row execute function checkout.guard_refund();

-- Refunds of a payment only ever grow.
create function checkout.guard_payment_refunds() returns trigger language plpgsql as $$
begin
    if new.refunded_amount < old.refunded_amount
       or (old.clink_refund_extent = 'full' and new.clink_refund_extent <> 'full')
       or (old.clink_refund_extent = 'partial' and new.clink_refund_extent = 'none') then
        raise exception 'payment %: refunds never shrink', old.payment_id using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger payments_guard_refunds before update on checkout.payments
    for each row execute function checkout.guard_payment_refunds();

create function checkout.guard_webhook() returns trigger language plpgsql as $$
begin
    if new.event_id <> old.event_id or new.body <> old.body or new.signed_at <> old.signed_at
       or new.received_at <> old.received_at or (old.state = 'done' and new.state <> 'done') then
        raise exception 'webhook %: what Clink sent never changes', old.webhook_id using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger webhooks_guard before update on checkout.webhooks
    for each row execute function checkout.guard_webhook();

create index discrepancies_attempt on checkout.discrepancies (attempt_id) where state = 'open';

-- ------------------------------------------------------------------ who may do what
grant select, insert, update on checkout.refunds, checkout.disputes, checkout.webhooks to checkout_service;
