-- `reconcile`: a census of what Clink and the record say of the orders of a range, order by order, so that a run that is
-- stopped is taken up again and several share the work. And two kinds of discrepancy that only a census finds.
create table checkout.censuses (
    census_id   bigint generated always as identity primary key,
    from_time   timestamptz not null,
    to_time     timestamptz not null check (to_time >= from_time),
    whole_list  boolean not null,
    state       text not null default 'running' check (state in ('running', 'finished', 'abandoned')),
    order_count bigint not null default 0,
    list_page   integer not null default 1 check (list_page >= 1),
    list_done   boolean not null default false,
    certificate jsonb,
    started_at  timestamptz not null default now(),
    finished_at timestamptz,
    check ((state = 'finished') = (certificate is not null and finished_at is not null))
);

comment on table checkout.censuses is 'One row per `reconcile`: its scope, and its certificate once it is finished.';
comment on column checkout.censuses.list_page is 'The page of Clink''s order list that is next, with whole_list.';
create unique index censuses_running on checkout.censuses (from_time, to_time, whole_list) where state = 'running';

create table checkout.census_orders (
    census_id   bigint not null references checkout.censuses,
    order_id    bigint not null references checkout.orders,
    lease_until timestamptz,
    tries       integer not null default 0,
    result      jsonb,
    primary key (census_id, order_id)
);

comment on table checkout.census_orders is 'The orders of a census that is running; gone when it is finished.';
comment on column checkout.census_orders.lease_until is 'Until when whoever asks about it is left alone.';
comment on column checkout.census_orders.result is 'What was found, once Clink has answered or was asked often enough.';
create index census_orders_open on checkout.census_orders (census_id, order_id) where result is null;

create table checkout.census_strays (
    census_id      bigint not null references checkout.censuses,
    clink_order_id text collate "C" not null,
    currency       text,
    amount         numeric,
    primary key (census_id, clink_order_id)
);

comment on table checkout.census_strays is 'Paid orders in Clink''s own list that belong to no order on record.';

alter table checkout.discrepancies drop constraint discrepancies_kind_check;
alter table checkout.discrepancies add constraint discrepancies_kind_check
    check (kind in ('duplicate_payment', 'amount_mismatch', 'currency_mismatch', 'paid_after_expiry',
                    'paid_after_cancel', 'paid_on_superseded', 'paid_on_dark_session', 'reference_mismatch',
                    'orphan_event', 'stuck_unknown', 'refund_without_payment', 'missing_at_clink', 'refund_unrecorded'));

grant select, insert, update on checkout.censuses to checkout_service;
grant select, insert, update, delete on checkout.census_orders, checkout.census_strays to checkout_service;
