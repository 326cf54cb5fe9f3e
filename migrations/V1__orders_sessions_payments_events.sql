-- The record: orders, sessions (one row per attempt), payments, discrepancies and append-only events.
-- Each promise of the service that the database can hold is a constraint here, not a habit of the code.
-- The schema itself and the roles checkout_service and finance_reader exist before this runs (see `migrate`).

-- ------------------------------------------------------------------ orders
create table checkout.orders (
    order_id          bigint generated always as identity primary key,
    merchant_order_id text collate "C" not null unique
        check (octet_length(merchant_order_id) between 1 and 128)
        check (merchant_order_id not in ('null', '.', '..')),
    version           bigint not null default 1,
    state             text not null default 'unpaid'
        check (state in ('unpaid', 'processing', 'cancelled', 'paid', 'underpaid', 'overpaid',
                         'partially_refunded', 'refunded')),
    last_attempt      integer not null default 1 check (last_attempt >= 1),
    payment_count     integer not null default 0 check (payment_count >= 0),
    cancelled_at      timestamptz,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    check (payment_count > 0 or state in ('unpaid', 'processing', 'cancelled')),
    check (payment_count = 0 or state not in ('unpaid', 'processing', 'cancelled')),
    check (state <> 'cancelled' or cancelled_at is not null)
) with (fillfactor = 80);

comment on table checkout.orders is 'One row per order of the merchant; every decision about an order is a compare-and-set on its version.';
comment on column checkout.orders.version is 'Raised by every release, cancel, supersede and settle.';
comment on column checkout.orders.payment_count is 'Payments other than renewals; more than 0 means that no further session is ever released.';

-- ------------------------------------------------------------------ sessions
create table checkout.sessions (
    attempt_id            uuid primary key,
    order_id              bigint not null references checkout.orders,
    attempt               integer not null check (attempt >= 1),
    status                text not null default 'creating'
        check (status in ('creating', 'refused', 'dark', 'open', 'completed', 'expired')),
    payment_status        text not null default 'unpaid'
        check (payment_status in ('unpaid', 'processing', 'paid')),

    generation            bigint not null default 1,
    lease_until           timestamptz,

    original_amount       numeric not null check (original_amount > 0 and original_amount < 1e15),
    original_currency     text not null check (original_currency ~ '^[A-Z]{3}$'),
    ui_mode               text not null check (ui_mode in ('hostedPage', 'elements')),
    allow_promotion_codes boolean not null default false,
    success_url           text check (octet_length(success_url) <= 2048),
    cancel_url            text check (octet_length(cancel_url) <= 2048),
    terms                 jsonb not null check (jsonb_typeof(terms) = 'object'),
    terms_fingerprint     text not null check (terms_fingerprint ~ '^[0-9a-f]{64}$'),

    clink_session_id      text collate "C" unique check (clink_session_id <> ''),
    url                   text,
    customer_id           text,
    expire_time           timestamptz,
    refusal_code          text,
    refusal_message       text,

    supersedes            uuid references checkout.sessions,
    released_at           timestamptz,
    superseded_at         timestamptz,
    ended_at              timestamptz,
    cancel_visited_at     timestamptz,
    settled_by            text check (settled_by in ('redirect', 'refresh', 'webhook', 'sweeper', 'reconcile', 'operator')),
    checked_at            timestamptz,
    check_count           integer not null default 0,
    created_at            timestamptz not null default now(),

    unique (order_id, attempt),
    -- P2: an intent has a lease, and nothing else has one.
    check ((status = 'creating') = (lease_until is not null)),
    -- P3: what was not released shows no handle; what was released is known by Clink's id.
    check ((status in ('creating', 'refused', 'dark')) = (released_at is null)),
    check (released_at is not null or url is null),
    check (released_at is null or clink_session_id is not null),
    check (superseded_at is null or released_at is not null),
    check (ended_at is null or status in ('completed', 'expired')),
    -- The page's token is not kept longer than it opens a page.
    check (url is null or ended_at is null),
    check (status <> 'refused' or refusal_code is not null),
    check (status in ('refused', 'dark') or refusal_code is null),
    -- P4: money is believed only on somebody's evidence.
    check (payment_status = 'unpaid' or settled_by is not null)
) with (fillfactor = 80);

comment on table checkout.sessions is 'One row per attempt to create a session at Clink; committed before Clink is called.';
comment on column checkout.sessions.released_at is 'When the handle was handed out; null for creating, refused and dark attempts.';
comment on column checkout.sessions.ended_at is 'When Clink first said completed and paid, or expired and unpaid; never unset, later payments notwithstanding.';
comment on column checkout.sessions.terms is 'JSON pointer into the request to its value as text.';
comment on column checkout.sessions.url is 'Holds the page token; null again once the session has ended.';

-- P1: one attempt at a time, and one released handle that can still be paid.
create unique index sessions_one_creating on checkout.sessions (order_id) where status = 'creating';
create unique index sessions_one_current on checkout.sessions (order_id)
    where released_at is not null and superseded_at is null and ended_at is null;
create index sessions_created on checkout.sessions (created_at, attempt_id);

-- ------------------------------------------------------------------ payments
create table checkout.payments (
    payment_id              bigint generated always as identity primary key,
    order_id                bigint not null references checkout.orders,
    attempt_id              uuid not null references checkout.sessions,
    kind                    text not null check (kind in ('payment', 'renewal')),
    clink_order_id          text collate "C" unique check (clink_order_id <> ''),
    verdict                 text not null
        check (verdict in ('exact', 'converted', 'discounted', 'surcharged', 'over', 'short', 'unknown')),
    original_amount         numeric not null check (original_amount > 0),
    original_currency       text not null,
    amount_total            numeric,
    amount_subtotal         numeric,
    payment_currency        text,
    clink_original_currency text,
    refunded_amount         numeric not null default 0 check (refunded_amount >= 0),
    subscription_id         text,
    invoice_id              text,
    payment_time            timestamptz,
    evidence                text not null
        check (evidence in ('redirect', 'refresh', 'webhook', 'sweeper', 'reconcile', 'operator')),
    recorded_at             timestamptz not null default now(),
    check (verdict = 'unknown' or (amount_total is not null and payment_currency is not null))
);

comment on table checkout.payments is 'One row per successful order of Clink''s; amounts as Clink gave them, unrounded.';

create unique index payments_one_without_id on checkout.payments (attempt_id) where clink_order_id is null;
create index payments_order on checkout.payments (order_id);
create index payments_paid on checkout.payments (payment_time, payment_id);
create index payments_recorded on checkout.payments (recorded_at, payment_id);

-- ------------------------------------------------------------------ discrepancies
create table checkout.discrepancies (
    discrepancy_id bigint generated always as identity primary key,
    kind           text not null
        check (kind in ('duplicate_payment', 'amount_mismatch', 'currency_mismatch', 'paid_after_expiry',
                        'paid_after_cancel', 'paid_on_superseded', 'paid_on_dark_session', 'reference_mismatch',
                        'orphan_event', 'stuck_unknown', 'refund_without_payment')),
    subject        text not null,
    order_id       bigint references checkout.orders,
    attempt_id     uuid references checkout.sessions,
    state          text not null default 'open' check (state in ('open', 'resolved')),
    detail         jsonb not null default '{}',
    opened_at      timestamptz not null default now(),
    resolved_at    timestamptz,
    resolution     text,
    note           text,
    resolved_by    text,
    unique (kind, subject),
    check ((state = 'resolved') = (resolved_at is not null))
);

comment on column checkout.discrepancies.subject is 'What it is about; the same thing found twice is one row.';
create index discrepancies_order on checkout.discrepancies (order_id);
create index discrepancies_open on checkout.discrepancies (discrepancy_id) where state = 'open';

-- ------------------------------------------------------------------ events
create table checkout.events (
    event_id   bigint generated always as identity primary key,
    order_id   bigint not null references checkout.orders,
    attempt_id uuid references checkout.sessions,
    kind       text not null check (kind ~ '^[a-z][a-z_]*$'),
    at         timestamptz not null default clock_timestamp(),
    source     text,
    request_id text,
    data       jsonb not null default '{}' check (jsonb_typeof(data) = 'object')
);

comment on table checkout.events is 'What happened, in order, written in the transaction of the change itself; insert-only.';
create index events_order on checkout.events (order_id, event_id);

-- ------------------------------------------------------------------ what never happens
create function checkout.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% on checkout.% is not allowed: the record is append-only', tg_op, tg_table_name
        using errcode = 'restrict_violation';
end $$;

-- P6: events bind everybody, a superuser and a replication role included.
create trigger events_are_insert_only before update or delete on checkout.events
    for each row execute function checkout.refuse_change();
create trigger events_are_not_truncated before truncate on checkout.events
    for each statement execute function checkout.refuse_change();
alter table checkout.events enable always trigger events_are_insert_only;
alter table checkout.events enable always trigger events_are_not_truncated;

create trigger orders_are_kept before delete on checkout.orders
    for each row execute function checkout.refuse_change();
create trigger sessions_are_kept before delete on checkout.sessions
    for each row execute function checkout.refuse_change();
create trigger payments_are_kept before delete on checkout.payments
    for each row execute function checkout.refuse_change();

-- P5: what was paid, released, ended or agreed stays so.
create function checkout.guard_session() returns trigger language plpgsql as $$
begin
    if old.payment_status = 'paid' and new.payment_status <> 'paid' then
        raise exception 'session % is paid and stays paid', old.attempt_id using errcode = 'restrict_violation';
    end if;
    if new.order_id <> old.order_id or new.attempt <> old.attempt
       or new.original_amount <> old.original_amount or new.original_currency <> old.original_currency
       or new.terms_fingerprint <> old.terms_fingerprint or new.terms <> old.terms
       or (old.clink_session_id is not null and new.clink_session_id is distinct from old.clink_session_id)
       or (old.released_at is not null and new.released_at is distinct from old.released_at)
       or (old.superseded_at is not null and new.superseded_at is distinct from old.superseded_at)
       or (old.ended_at is not null and new.ended_at is distinct from old.ended_at) then
        raise exception 'session %: identity, terms and milestones never change', old.attempt_id
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger sessions_guard before update on checkout.sessions
    for each row execute function checkout.guard_session();

create function checkout.guard_payment() returns trigger language plpgsql as $$
begin
    if new.order_id <> old.order_id or new.attempt_id <> old.attempt_id or new.kind <> old.kind
       or new.original_amount <> old.original_amount or new.recorded_at <> old.recorded_at
       or (old.clink_order_id is not null and new.clink_order_id is distinct from old.clink_order_id)
       or (old.amount_total is not null and new.amount_total is distinct from old.amount_total)
       or (old.payment_currency is not null and new.payment_currency is distinct from old.payment_currency) then
        raise exception 'payment %: what is known of a payment never changes', old.payment_id
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger payments_guard before update on checkout.payments
    for each row execute function checkout.guard_payment();

-- ------------------------------------------------------------------ who may do what
grant usage on schema checkout to checkout_service;
grant select, insert, update on checkout.orders, checkout.sessions, checkout.payments, checkout.discrepancies
    to checkout_service;
grant select, insert on checkout.events to checkout_service;
grant select on checkout.schema_migrations to checkout_service;
