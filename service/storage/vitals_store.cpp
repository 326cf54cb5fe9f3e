#include "storage/vitals_store.h"

#include "domain/check_schedule.h"
#include "domain/order.h"
#include "storage/feed_head.h"
#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

// What has not come to its end is what has a next check: the scan is of sessions_due alone. Of an order with
// a superseded session that has not ended, each other released one that has not is one page too many. Overdue
// is what domain/check_schedule.h calls stuck.
constexpr sql_statement select_sessions{"select_session_vitals",
                                        R"sql(
with watched as materialized (
    select order_id, status, payment_status, released_at is not null and ended_at is null as payable, superseded_at,
        released_at, coalesce(expire_time, released_at + make_interval(hours => $1)) as expiry, checked_at
    from checkout.sessions where next_check_at is not null
)
select count(*) filter (where status = 'creating') as creating,
    count(*) filter (where payable and superseded_at is null and payment_status = 'unpaid') as open,
    count(*) filter (where payable and payment_status <> 'unpaid') as processing,
    count(*) filter (where payable and superseded_at is not null and payment_status = 'unpaid') as superseded,
    count(*) filter (where status = 'dark') as dark,
    coalesce(extract(epoch from clock_timestamp() - min(released_at) filter (where payable)), 0)::float8 as oldest,
    count(*) filter (where payable and expiry <= clock_timestamp() - make_interval(hours => $2)
        and (checked_at is null or checked_at < expiry)) as overdue,
    (select count(*) from (
        select from watched where payable group by order_id having count(*) > 1) as exposed) as exposed
from watched)sql"};

// Three indexes of what is due, each read to the limit only.
constexpr sql_statement select_due{"select_due_vitals",
                                   R"sql(
with due as (
    (select next_check_at as at from checkout.sessions
        where next_check_at <= clock_timestamp() order by next_check_at limit $1)
    union all
    (select next_check_at from checkout.refunds
        where next_check_at <= clock_timestamp() order by next_check_at limit $1)
    union all
    (select next_try_at from checkout.webhooks
        where next_try_at <= clock_timestamp() order by next_try_at limit $1)
)
select count(*) as due, coalesce(extract(epoch from clock_timestamp() - min(at)), 0)::float8 as lag,
    (select count(*) from (
        select from checkout.webhooks where next_try_at is not null limit $1) as pending) as webhooks
from due)sql"};

constexpr sql_statement count_discrepancies{
    "count_open_discrepancies",
    "select kind, count(*) as open from checkout.discrepancies where state = 'open' group by kind"};

constexpr sql_statement select_feed{"select_feed_vitals",
                                    R"sql(
select greatest(extract(epoch from clock_timestamp() - complete_to), 0)::float8 as lag,
    (select count(*) from (select from checkout.feed_pending limit $1) as pending) as pending
from checkout.feed_head)sql"};

std::chrono::duration<double> read_seconds(const pqxx::field& field) {
    return std::chrono::duration<double>(field.as<double>());
}

void read_sessions(db_session& session, record_vitals& into) {
    const auto row = session
                         .run(select_sessions, static_cast<int>(unknown_lifetime.count()),
                              static_cast<int>(stuck_after.count()))
                         .one_row();
    into.creating = row["creating"].as<std::int64_t>();
    into.open = row["open"].as<std::int64_t>();
    into.processing = row["processing"].as<std::int64_t>();
    into.superseded = row["superseded"].as<std::int64_t>();
    into.dark = row["dark"].as<std::int64_t>();
    into.oldest_unsettled = read_seconds(row["oldest"]);
    into.overdue = row["overdue"].as<std::int64_t>();
    into.exposed_orders = row["exposed"].as<std::int64_t>();
}

void read_due(db_session& session, record_vitals& into) {
    const auto row = session.run(select_due, vitals_store::most_counted).one_row();
    into.due = row["due"].as<std::int64_t>();
    into.sweeper_lag = read_seconds(row["lag"]);
    into.webhooks_pending = row["webhooks"].as<std::int64_t>();
}

void read_discrepancies(db_session& session, record_vitals& into) {
    for (const auto kind : all_discrepancy_kinds())
        into.open_discrepancies[std::string(to_string(kind))] = 0;
    for (const auto& row : session.run(count_discrepancies))
        into.open_discrepancies[row["kind"].as<std::string>()] = row["open"].as<std::int64_t>();
}

void read_feed(db_session& session, record_vitals& into) {
    const auto row = session.run(select_feed, vitals_store::most_counted).one_row();
    into.feed_lag = read_seconds(row["lag"]);
    into.feed_pending = row["pending"].as<std::int64_t>();
}

} // namespace

boost::asio::awaitable<record_vitals> vitals_store::read() {
    return db_.run("read_vitals", operation_mode::read, [](db_session& session) {
        record_vitals found;
        read_sessions(session, found);
        read_due(session, found);
        read_discrepancies(session, found);
        read_feed(session, found);
        return found;
    });
}

boost::asio::awaitable<instant> vitals_store::read_as_of() {
    return db_.run("read_as_of", operation_mode::read,
                   [](db_session& session) { return read_feed_head(session).complete_to; });
}

} // namespace checkout
