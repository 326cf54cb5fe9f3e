-- What the batches share: where chance comes from, and tables of this session in which a batch is made before it is written.
-- psql's variables: orders, seed, days, until.
set timezone = 'UTC';
set synchronous_commit = off;
set jit = off;
set work_mem = '128MB';
set temp_buffers = '256MB';

do $$
begin
    if exists (select from checkout.orders) or exists (select from checkout.events) then
        raise exception 'there are orders in this database already; a world is made in an empty one';
    end if;
end $$;

-- As pg_restore does, the keys of what is written most are checked at the end, all at once: row by row takes half of the time.
create temp table put_back as
select conrelid::regclass as owner, conname as name, pg_get_constraintdef(oid) as definition
from pg_constraint
where contype = 'f' and conrelid in ('checkout.sessions'::regclass, 'checkout.payments'::regclass, 'checkout.events'::regclass,
    'checkout.feed'::regclass);
select format('alter table %s drop constraint %I', owner, name) from put_back \gexec

create temp table span as
select date_trunc('minute', :'until'::timestamptz) as until,
    date_trunc('minute', :'until'::timestamptz) - make_interval(days => :days) as since;

-- ------------------------------------------------------------------ chance
-- All of it is a hash of the seed, of what is drawn and of whom it is drawn for. Texts are cast where they are joined: else these
-- would not be immutable, and not be inlined, which is a hundred times slower.
create function pg_temp.draw(what text, whom bigint) returns double precision language sql immutable
return (hashtextextended(what, whom + :seed * 1000000000000) & 9007199254740991)::double precision / 9007199254740992;

create function pg_temp.hex(what text, whom bigint) returns text language sql immutable
return md5(what || ':' || :'seed' || ':' || whom::text);

create function pg_temp.uuid(what text, whom bigint, at timestamptz) returns uuid language sql immutable
return (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
        || overlay(left(pg_temp.hex(what, whom), 19) placing '8' from 4 for 1))::uuid;

-- ------------------------------------------------------------------ words
create function pg_temp.seconds(number double precision) returns interval language sql immutable
return make_interval(secs => number);

create function pg_temp.digits(currency text) returns integer language sql immutable
return case currency when 'JPY' then 0 when 'KWD' then 3 else 2 end;

-- What the service makes a fingerprint of: each text with its length before it.
create function pg_temp.sized(given text) returns text language sql immutable
return octet_length(given)::text || ':' || given;

create function pg_temp.evidence(whom bigint) returns text language sql immutable
return case when pg_temp.draw('evidence', whom) < 0.55 then 'redirect' when pg_temp.draw('evidence', whom) < 0.80 then 'webhook'
    when pg_temp.draw('evidence', whom) < 0.92 then 'refresh' else 'sweeper' end;

-- How long after the fact the service learned of it.
create function pg_temp.lag(evidence text, whom bigint) returns interval language sql immutable
return pg_temp.seconds(0.3 + pg_temp.draw('lag', whom) * case evidence when 'sweeper' then 300 when 'webhook' then 5 else 2 end);

-- The sweeper's grid, by its default schedule: the first moment of it after `now`.
create function pg_temp.next_on_grid(since timestamptz, now timestamptz) returns timestamptz language sql stable
return since + case
    when now < since + interval '5 seconds' then interval '5 seconds'
    when now < since + interval '15 seconds' then interval '15 seconds'
    when now < since + interval '30 seconds' then interval '30 seconds'
    when now < since + interval '60 seconds' then interval '60 seconds'
    when now < since + interval '120 seconds' then interval '120 seconds'
    else (floor(extract(epoch from now - since) / 300) + 1) * interval '300 seconds' end;

create function pg_temp.next_after_end(ended timestamptz, now timestamptz) returns timestamptz language sql stable
return ended + case
    when now < ended + interval '1 minute' then interval '1 minute'
    when now < ended + interval '10 minutes' then interval '10 minutes'
    when now < ended + interval '1 hour' then interval '1 hour'
    when now < ended + interval '6 hours' then interval '6 hours'
    when now < ended + interval '24 hours' then interval '24 hours' end;

-- ------------------------------------------------------------------ a batch in the making
create temp table new_orders (
    n bigint, created_at timestamptz, story text, currency text, amount numeric, roles text[], cancel_after interval
);
create temp table new_attempts (
    n bigint, attempt integer, whom bigint, role text, story text, attempt_id uuid, session_id text, currency text,
    amount numeric, evidence text, created_at timestamptz, answered_at timestamptz, expire_time timestamptz,
    cancelled_at timestamptz, superseded_at timestamptz, completed_at timestamptz, payment_time timestamptz,
    paid_at timestamptz, ended_at timestamptz, stuck_at timestamptz
);

-- What comes later than its order's batch waits here until its time has come. `n` is the order, null where there is none.
create temp table payments (
    at timestamptz, n bigint, attempt_id uuid, whom bigint, kind text, clink_order_id text, verdict text,
    original_amount numeric, original_currency text, amount_total numeric, amount_subtotal numeric, payment_currency text,
    clink_original_currency text, items_total numeric, refunded_amount numeric, refund_extent text, subscription_id text,
    invoice_id text, payment_time timestamptz, evidence text
);
create temp table refunds (
    at timestamptz, n bigint, attempt_id uuid, whom bigint, clink_refund_id text, clink_order_id text, status text,
    amount numeric, currency text, reason text, failure_code text, merchant_order_id text, refund_time timestamptz
);
create temp table disputes (
    at timestamptz, n bigint, whom bigint, clink_order_id text, status text, amount numeric, currency text
);
create temp table discrepancies (
    at timestamptz, n bigint, attempt_id uuid, kind text, subject text, detail jsonb, resolved_at timestamptz,
    resolution text, note text, resolved_by text
);
-- `place` orders what one transaction wrote.
create temp table events (
    at timestamptz, n bigint, place integer, attempt_id uuid, kind text, source text, data jsonb
);
create temp table numbered_events (
    event_id bigint, feed_no bigint, at timestamptz, n bigint, attempt_id uuid, kind text, source text, data jsonb
);
