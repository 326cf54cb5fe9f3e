// How events get their numbers: in passes, by one sequencer at a time, the backlog first; and how far the
// record is said to be complete. That nothing is skipped under load is feed_order_test.cpp.
#include "storage/feed_store.h"

#include "app/migrate.h"
#include "support/first_service.h"
#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <future>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* not_null_violation = "23502";
constexpr const char* foreign_key_violation = "23503";
constexpr const char* unique_violation = "23505";
constexpr const char* check_violation = "23514";
constexpr const char* restrict_violation = "23001";
constexpr const char* insufficient_privilege = "42501";

std::string insert_events(int count) {
    return "insert into checkout.events (order_id, kind) select order_id, 'something_happened'"
           " from checkout.orders, generate_series(1, "
           + std::to_string(count) + ") where merchant_order_id = 'ORD-1'";
}

/// Events that were written in this order are numbered in this order, from 1 and without a gap.
void check_all_numbered_in_order(sql_connection& database) {
    CHECK(database.value("select count(*) from checkout.events where event_id not in"
                         " (select event_id from checkout.feed)")
          == "0");
    CHECK(
        database.value("select count(*) from (select feed_no, row_number() over (order by event_id) as place"
                       " from checkout.feed) f where feed_no <> place")
        == "0");
    CHECK(database.value("select last_no = (select count(*) from checkout.feed) from checkout.feed_head")
          == "t");
}

/// Passes until there is nothing more; the sizes of those before the last.
std::vector<std::int64_t> number_all(feed_store& feed) {
    std::vector<std::int64_t> reached;
    feed_pass pass{.last_no = 0, .more = true};
    while (pass.more) {
        pass = await_result(feed.number_events());
        reached.push_back(pass.last_no);
    }
    return reached;
}

/// Completes when passes, busy or idle ones, have moved complete_to past that; false when it does not move.
bool moves_past(recorded_orders& at, feed_store& feed, const std::string& time, int events_each) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (at.server.superuser().value("select complete_to > '" + time + "' from checkout.feed_head")
           != "t") {
        if (std::chrono::steady_clock::now() > until)
            return false;
        at.server.superuser().value(insert_events(events_each));
        await_result(feed.number_events());
        std::this_thread::sleep_for(20ms);
    }
    return true;
}

/// Whether passes leave complete_to where it was then, or before, for so long after it.
bool stands_before(recorded_orders& at, feed_store& feed, const std::string& then, const std::string& span) {
    auto& plain = at.server.superuser();
    while (plain.value("select clock_timestamp() < '" + then + "'::timestamptz + interval '" + span + "'")
           == "t") {
        plain.value(insert_events(1));
        await_result(feed.number_events());
        if (plain.value("select complete_to <= '" + then + "' from checkout.feed_head") != "t")
            return false;
    }
    return true;
}

std::string now(recorded_orders& at) {
    return at.server.superuser().value("select clock_timestamp()");
}

void migrate_to(test_database& at, int version) {
    auto steps = own_migrations();
    std::erase_if(steps, [version](const migration& step) { return step.version > version; });
    migrate(at.owner_url(), std::move(steps), [](const migration&) {});
}

} // namespace

TEST_CASE("feed store: what is committed gets the next numbers, what is taken back leaves no gap") {
    recorded_orders at;
    feed_store feed(at.db);
    at.open_session("ORD-1", "sess_1");
    const auto first = await_result(feed.number_events());
    CHECK(first.last_no == 2);
    CHECK_FALSE(first.more);
    CHECK(await_result(feed.number_events()).last_no == 2);

    auto& plain = at.server.service();
    plain.value("begin");
    plain.value(insert_events(3));
    CHECK(await_result(feed.number_events()).last_no == 2);
    plain.value("rollback");
    plain.value(insert_events(1));
    CHECK(await_result(feed.number_events()).last_no == 3);
    check_all_numbered_in_order(at.server.superuser());
    CHECK(plain.value("select count(*) from checkout.feed_pending") == "0");

    const auto page = await_result(at.reports.read_feed(1, 10));
    CHECK(page.rows.size() == 2);
    CHECK(page.last_no == 3);
    CHECK(page.last_read == 3);
    CHECK(page.rows.row(0)[0] == "2");
    CHECK(page.rows.row(0)[3] == "session_released");
    CHECK(page.rows.row(0)[8] == "ORD-1");
    const auto end = await_result(at.reports.read_feed(3, 10));
    CHECK(end.rows.size() == 0);
    CHECK(end.last_no == 3);
}

TEST_CASE("feed store: a pass ends after 5000 events and says that there is more") {
    recorded_orders at;
    feed_store feed(at.db);
    at.begin("ORD-1");
    at.server.service().value(insert_events(2 * feed_store::events_in_a_pass + 4));
    CHECK(number_all(feed) == std::vector<std::int64_t>{5'000, 10'000, 10'005});
    check_all_numbered_in_order(at.server.superuser());
}

TEST_CASE("feed store: it is not complete to a time past an event without a number") {
    recorded_orders at;
    feed_store feed(at.db);
    at.begin("ORD-1");
    at.server.service().value(insert_events(2 * feed_store::events_in_a_pass));
    std::this_thread::sleep_for(1200ms); // the second by which it is behind
    auto& plain = at.server.superuser();
    const std::string before_it =
        "select count(*) from checkout.events cross join checkout.feed_head where at < complete_to";
    const std::string numbered_before_it =
        "select count(*) from checkout.feed join checkout.events using (event_id) cross join"
        " checkout.feed_head where at < complete_to";
    while (await_result(feed.number_events()).more)
        CHECK(plain.value(before_it) == plain.value(numbered_before_it));
    CHECK(plain.value(before_it) == std::to_string(2 * feed_store::events_in_a_pass + 1));
    CHECK(plain.value(numbered_before_it) == plain.value(before_it));
}

TEST_CASE("feed store: events from before the feed are numbered first, in passes, and none is missed") {
    test_database server(schema::empty);
    migrate_to(server, 3);
    auto& plain = server.superuser();
    plain.value("grant checkout_service to " + server.service().value("select current_user"));
    first_service then(server.service());
    then.begin("ORD-1");
    plain.value(insert_events(feed_store::events_in_a_pass));
    plain.value("begin");
    plain.value(insert_events(10));
    plain.value("rollback"); // leaves a gap among the ids

    // One event is being written while the schema changes.
    sql_connection late(server.service_url());
    late.value("begin");
    late.value(insert_events(1));
    auto migrated = std::async(std::launch::async, [&] { migrate_to(server, own_schema_version()); });
    plain.await_value("select count(*) from pg_stat_activity where datname = current_database()"
                      " and wait_event_type = 'Lock'",
                      "1");
    late.value("commit");
    migrated.get();
    server.service().value(insert_events(2));

    database db({.url = server.service_url(), .connections = 1, .queue_length = 16, .limits = {}});
    feed_store feed(db);
    const auto first = await_result(feed.number_events());
    CHECK(first.last_no == feed_store::events_in_a_pass);
    CHECK(first.more);
    server.service().value(insert_events(1));
    number_all(feed);                                                   // the backlog …
    CHECK(number_all(feed).back() == feed_store::events_in_a_pass + 5); // … and what came after it
    check_all_numbered_in_order(plain);
    CHECK(plain.value("select count(*) from checkout.feed_pending") == "0");
    CHECK_FALSE(await_result(feed.number_events()).more);
}

TEST_CASE("feed store: a pass that breaks off loses nothing, and meanwhile nobody waits for it") {
    recorded_orders at;
    database db({.url = at.server.service_url(),
                 .connections = 1,
                 .queue_length = 16,
                 .limits = {.statement = 60s, .lock = 60s, .idle_in_transaction = 60s}});
    feed_store feed(db);
    feed_store another(at.db);
    at.begin("ORD-1");
    REQUIRE(await_result(feed.number_events()).last_no == 1);
    at.server.service().value(insert_events(20));
    // Holds a pass when all of it is done but its commit.
    auto& plain = at.server.superuser();
    plain.value("create function checkout.hold() returns trigger language plpgsql as"
                " $$ begin perform pg_advisory_xact_lock(4); return null; end $$");
    plain.value("create trigger hold after update on checkout.feed_head"
                " for each row execute function checkout.hold()");
    sql_connection gate(at.server.superuser_url());
    gate.value("select pg_advisory_lock(4)");

    auto held = std::async(std::launch::async, [&] { return await_result(feed.number_events()); });
    const std::string waits =
        "from pg_stat_activity where datname = current_database() and wait_event = 'advisory'";
    plain.await_value("select count(*) " + waits, "1");
    const auto meanwhile = await_result(another.number_events());
    CHECK(meanwhile.last_no == 1);
    CHECK_FALSE(meanwhile.more);
    CHECK(await_result(at.reports.read_feed(0, 100)).last_no == 1);
    plain.value("select pg_terminate_backend(pid) " + waits);
    CHECK_THROWS_AS(held.get(), write_in_doubt);
    CHECK(plain.value("select last_no from checkout.feed_head") == "1");
    CHECK(plain.value("select count(*) from checkout.feed_pending") == "20");

    gate.value("select pg_advisory_unlock(4)");
    CHECK(await_result(another.number_events()).last_no == 21);
    check_all_numbered_in_order(plain);
}

TEST_CASE(
    "feed store: the record is complete to where the oldest transaction under way began, and no further") {
    recorded_orders at;
    feed_store feed(at.db);
    at.begin("ORD-1");
    CHECK_MESSAGE(moves_past(at, feed, now(at), 0), "nothing is under way");

    auto& writer = at.server.service();
    writer.value("begin");
    CHECK(stands_before(at, feed, writer.value("select now()"), "2.2 seconds"));
    at.server.superuser().value(insert_events(1));
    await_result(feed.number_events()); // a pass that is surely more than a second after it
    CHECK(at.server.superuser().value("select complete_to = '" + writer.value("select now()")
                                      + "' from checkout.feed_head")
          == "t");
    CHECK(await_result(at.reports.read_feed(0, 1)).as_of
          == await_result(at.reports.summarise(std::nullopt, std::nullopt)).as_of);
    writer.value(insert_events(1));
    writer.value("commit");

    // Of another role's transaction is seen that it writes.
    at.server.owner().value("begin");
    at.server.owner().value(insert_events(1));
    CHECK(stands_before(at, feed, at.server.owner().value("select now()"), "1.5 seconds"));
    at.server.owner().value("commit");

    // An export, which writes nothing, holds nothing back.
    sql_connection reader(at.server.service_url() + " application_name='clink-checkout export'");
    reader.value("begin transaction isolation level repeatable read, read only");
    reader.value("select count(*) from checkout.events");
    CHECK(moves_past(at, feed, reader.value("select now()"), 1));
}

TEST_CASE("feed store: what is numbered stays so, whoever wants it otherwise") {
    recorded_orders at;
    feed_store feed(at.db);
    at.begin("ORD-1");
    at.server.service().value(insert_events(1));
    await_result(feed.number_events());
    auto& plain = at.server.superuser();
    for (const char* role : {"origin", "replica"}) {
        plain.value(std::string("set session_replication_role = ") + role);
        for (const char* change : {"update checkout.feed set feed_no = 7 where feed_no = 2",
                                   "delete from checkout.feed where feed_no = 2", "truncate checkout.feed",
                                   "truncate checkout.feed cascade"}) {
            CHECK_MESSAGE(plain.run(change).sqlstate == restrict_violation, role << ": " << change);
            CHECK_MESSAGE(at.server.service().run(change).sqlstate == insufficient_privilege, change);
        }
    }
    plain.value("set session_replication_role = origin");
    CHECK(plain.run("insert into checkout.feed values (2, 1)").sqlstate == unique_violation);
    CHECK(plain.run("insert into checkout.feed values (9, 1)").sqlstate == unique_violation);
    CHECK(plain.run("insert into checkout.feed values (9, 999)").sqlstate == foreign_key_violation);
    CHECK(plain.run("insert into checkout.feed values (0, 2)").sqlstate == check_violation);
    CHECK(plain.run("insert into checkout.feed values (9, null)").sqlstate == not_null_violation);
    CHECK(plain.run("insert into checkout.feed_head (the_only, backlog_to) values (true, 0)").sqlstate
          == unique_violation);
    CHECK(plain.run("insert into checkout.feed_head (the_only, backlog_to) values (false, 0)").sqlstate
          == check_violation);
    for (const char* change :
         {"delete from checkout.feed_head", "truncate checkout.feed_head", "truncate checkout.feed_pending",
          "alter table checkout.events disable trigger all"})
        CHECK_MESSAGE(at.server.service().run(change).sqlstate == insufficient_privilege, change);
    check_all_numbered_in_order(plain);
}

TEST_CASE("feed store: an event awaits its number whoever writes it, a replication role included") {
    recorded_orders at;
    feed_store feed(at.db);
    at.begin("ORD-1");
    auto& plain = at.server.superuser();
    plain.value("set session_replication_role = replica");
    plain.value(insert_events(2));
    plain.value("set session_replication_role = origin");
    CHECK(await_result(feed.number_events()).last_no == 3);
    check_all_numbered_in_order(plain);
}
