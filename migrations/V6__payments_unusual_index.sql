-- no-transaction
-- Pages of payments by a verdict that is rare.
create index concurrently if not exists payments_unusual on checkout.payments (verdict, recorded_at, payment_id)
    where verdict <> 'exact';
