-- The keys are back, identities go on behind what was written; then the planner is told, and pages are marked as seen by all.
do $$
begin
    if exists (select from payments) or exists (select from refunds) or exists (select from events) then
        raise exception 'something was left unwritten';
    end if;
end $$;
select format('alter table %s add constraint %I %s', owner, name, definition) from put_back \gexec

select setval(pg_get_serial_sequence('checkout.orders', 'order_id'), max(order_id)) from checkout.orders \g /dev/null
select setval(pg_get_serial_sequence('checkout.events', 'event_id'), max(event_id)) from checkout.events \g /dev/null
vacuum (analyze) checkout.orders, checkout.sessions, checkout.payments, checkout.refunds, checkout.disputes, checkout.discrepancies,
    checkout.events, checkout.feed, checkout.feed_head, checkout.feed_pending, checkout.webhooks;
