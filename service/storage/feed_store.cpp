#include "storage/feed_store.h"

#include "observe/crash_point.h"
#include "storage/feed_head.h"
#include "storage/rows.h"
#include "storage/session.h"

#include <optional>
#include <string>
#include <utility>

namespace checkout {

namespace {

constexpr sql_statement select_head{"select_feed_head",
                                    "select complete_to, last_no from checkout.feed_head"};

constexpr sql_statement look_for_work{"look_for_feed_work",
                                      R"sql(
select last_no, backlog_done < backlog_to or complete_to < clock_timestamp() - interval '2 seconds'
    or exists (select from checkout.feed_pending) as due
from checkout.feed_head)sql"};

// One sequencer at a time: the others go on without waiting.
//
// The horizon: now() stamps a record with the start of its transaction, and nothing older than the oldest one
// under way can still appear. A transaction shows its start a moment after taking it, hence the second. An
// export writes nothing. Of another role's transaction only that it writes is seen: it is taken to be no
// older than a minute. It is read before the events are: what is older was committed by then, and is among
// them.
constexpr sql_statement lock_head{"lock_feed_head",
                                  R"sql(
select last_no, backlog_done, backlog_to, least(clock_timestamp() - interval '1 second',
    (select least(min(xact_start),
            case when bool_or(state is null and backend_xid is not null) then clock_timestamp() - interval '1 minute' end)
        from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
            and application_name <> 'clink-checkout export'))::text as horizon
from checkout.feed_head for update skip locked)sql"};

// Events from before the feed existed, by their ids.
constexpr sql_statement number_backlog{"number_feed_backlog",
                                       R"sql(
with batch as (
    select event_id from checkout.events where event_id > $2 and event_id <= $3 order by event_id limit $4
), numbered as (
    insert into checkout.feed (feed_no, event_id)
    select $1 + row_number() over (order by event_id), event_id from batch
)
select count(*) as numbered, coalesce(max(event_id), $3) as done from batch)sql"};

// What is committed is seen here, what is rolled back never was. Within a pass by id: an event that was
// written after another was committed has the higher one.
constexpr sql_statement number_pending{"number_feed_pending",
                                       R"sql(
with taken as (
    delete from checkout.feed_pending where ctid = any (array(
        select ctid from checkout.feed_pending order by event_id limit $2))
    returning event_id
), fresh as (
    select distinct event_id from taken t where not exists (select from checkout.feed f where f.event_id = t.event_id)
), numbered as (
    insert into checkout.feed (feed_no, event_id)
    select $1 + row_number() over (order by event_id), event_id from fresh
)
select (select count(*) from fresh) as numbered, (select count(*) from taken) as taken)sql"};

// No horizon: events are left that have no number yet.
constexpr sql_statement advance_head{"advance_feed_head",
                                     R"sql(
update checkout.feed_head set last_no = $1, backlog_done = $2,
    complete_to = greatest(complete_to, $3::timestamptz))sql"};

struct sequencer_place {
    std::int64_t last_no;
    std::int64_t backlog_done;
    std::int64_t backlog_to;
    std::string horizon; ///< as PostgreSQL writes it
};

feed_head read_head(const pqxx::row& row) {
    return {.complete_to = read_instant(row["complete_to"]), .last_no = row["last_no"].as<std::int64_t>()};
}

feed_pass give_numbers(db_session& session, sequencer_place at) {
    const bool in_backlog = at.backlog_done < at.backlog_to;
    std::int64_t taken = 0;
    if (in_backlog) {
        const auto row =
            session
                .run(number_backlog, at.last_no, at.backlog_done, at.backlog_to, feed_store::events_in_a_pass)
                .one_row();
        taken = row["numbered"].as<std::int64_t>();
        at.last_no += taken;
        at.backlog_done =
            taken < feed_store::events_in_a_pass ? at.backlog_to : row["done"].as<std::int64_t>();
    } else {
        const auto row = session.run(number_pending, at.last_no, feed_store::events_in_a_pass).one_row();
        taken = row["taken"].as<std::int64_t>();
        at.last_no += row["numbered"].as<std::int64_t>();
    }
    const bool more = in_backlog || taken == feed_store::events_in_a_pass;
    session.run(advance_head, at.last_no, at.backlog_done,
                more ? std::nullopt : std::optional(std::move(at.horizon)));
    crash_point("feed.numbered");
    return {at.last_no, more};
}

} // namespace

feed_head read_feed_head(db_session& session) {
    return read_head(session.run(select_head).one_row());
}

feed_head read_feed_head(pqxx::transaction_base& snapshot) {
    return read_head(snapshot.exec(select_head.text).one_row());
}

boost::asio::awaitable<feed_pass> feed_store::number_events() {
    auto look = [](db_session& session) {
        const auto row = session.run(look_for_work).one_row();
        return std::pair(row["last_no"].as<std::int64_t>(), row["due"].as<bool>());
    };
    const auto [last_no, due] = co_await db_.run("look_for_feed_work", operation_mode::read, std::move(look));
    if (!due)
        co_return feed_pass{last_no, false};
    co_return co_await number_as_sequencer(last_no);
}

boost::asio::awaitable<feed_pass> feed_store::number_as_sequencer(std::int64_t last_seen) {
    return db_.run("number_events", operation_mode::transaction, [last_seen](db_session& session) {
        const auto locked = session.run(lock_head);
        if (locked.empty())
            return feed_pass{last_seen, false};
        const auto row = locked.one_row();
        return give_numbers(session,
                            {row["last_no"].as<std::int64_t>(), row["backlog_done"].as<std::int64_t>(),
                             row["backlog_to"].as<std::int64_t>(), row["horizon"].as<std::string>()});
    });
}

} // namespace checkout
