-- no-transaction
-- Pages of what is rare among sessions: open, dark, refused, processing. The rest is found by its time.
create index concurrently if not exists sessions_unusual on checkout.sessions (status, payment_status, created_at, attempt_id)
    where status not in ('completed', 'expired') or payment_status = 'processing';
