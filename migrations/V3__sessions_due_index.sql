-- no-transaction
-- The sweeper's claim looks at what is due and at nothing else, however many sessions there are.
create index concurrently if not exists sessions_due on checkout.sessions (next_check_at) where next_check_at is not null;
