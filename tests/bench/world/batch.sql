-- One batch of orders, :first to :last: its orders and attempts are made, then what became of them, then all is written, with
-- what has waited for this batch's time, in one transaction.
begin;
select since + (until - since) * (:last::double precision / :orders) + case when :last = :orders then interval '1 s' else '0 s' end as upto
from span \gset
\ir attempts.sql
\ir money.sql
\ir discrepancies.sql
\ir events.sql
\ir write.sql
commit;
-- What was deleted here makes room again.
vacuum payments, refunds, disputes, discrepancies, events;
