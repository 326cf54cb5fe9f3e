-- no-transaction
-- Events of a day: they are written in the order of time, so that a few bytes for every block will do.
create index concurrently if not exists events_at on checkout.events using brin (at)
    with (pages_per_range = 32, autosummarize = on);
