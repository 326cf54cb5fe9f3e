#include "storage/database.h"

#include "storage/session.h"
#include "support/tcp_relay.h"
#include "support/test_database.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

constexpr sql_statement select_one{"test_one", "select 1"};
constexpr sql_statement sleep_long{"test_sleep", "select 1 from pg_sleep(30)"};
constexpr sql_statement insert_note{"test_insert", "insert into public.notes (text) values ($1) returning 1"};
constexpr sql_statement insert_slowly{
    "test_insert_slowly", "insert into public.notes (text) select $1 from pg_sleep(3) returning 1"};
constexpr sql_statement raise_error{"test_raise", "select public.raise_error($1)"};

constexpr const char* sleeping = "select count(*) from pg_stat_activity where datname = current_database()"
                                 " and wait_event = 'PgSleep'";
constexpr const char* end_sleeping = "select pg_terminate_backend(pid) from pg_stat_activity"
                                     " where datname = current_database() and wait_event = 'PgSleep'";
constexpr const char* sleeping_process = "select pid from pg_stat_activity"
                                         " where datname = current_database() and wait_event = 'PgSleep'";
constexpr const char* count_notes = "select count(*) from public.notes";

/// A table for plain writes, and a function that fails as it is told.
struct test_tables : test_database {
    explicit test_tables(const std::string& server = shared_server()) : test_database(schema::empty, server) {
        superuser().value("create table public.notes (text text);"
                          "grant select, insert, update on public.notes to public;"
                          "create function public.raise_error(state text) returns int language plpgsql as"
                          " $$begin raise exception 'as told' using errcode = state; end$$");
    }

    database_options options() const {
        return {.url = service_url(), .connections = 1, .queue_length = 16, .limits = {}};
    }
};

template <class Work>
auto run(database& db, operation_mode mode, Work work) {
    return await_result(db.run("test", mode, std::move(work)));
}

int run_one(database& db, operation_mode mode, const sql_statement& statement) {
    return run(db, mode,
               [&statement](db_session& session) { return session.run(statement).one_field().as<int>(); });
}

int write_note(database& db, const std::string& text, operation_mode mode = operation_mode::statement,
               const sql_statement& statement = insert_note) {
    return run(db, mode, [&statement, text](db_session& session) {
        return session.run(statement, text).one_field().as<int>();
    });
}

template <class Condition>
void await_that(Condition condition) {
    while (!condition())
        std::this_thread::sleep_for(1ms);
}

} // namespace

TEST_CASE("database: an operation runs on another thread and its caller goes on on its own") {
    const test_tables tables;
    database db(tables.options());
    boost::asio::io_context io{1};
    std::optional<std::thread::id> resumed;
    std::thread::id worked;
    boost::asio::co_spawn(
        io, db.run("test", operation_mode::read, [](db_session&) { return std::this_thread::get_id(); }),
        [&](const std::exception_ptr& error, std::thread::id id) {
            CHECK_FALSE(error);
            worked = id;
            resumed = std::this_thread::get_id();
        });
    io.run();
    CHECK(resumed == std::this_thread::get_id());
    CHECK(worked != std::this_thread::get_id());
}

TEST_CASE("database: a transaction is written whole or not at all, and what the work throws comes out") {
    test_tables tables;
    database db(tables.options());
    struct change_of_mind {};
    const auto write_two = [](db_session& session, bool fail) {
        session.run(insert_note, "first");
        if (fail)
            throw change_of_mind{};
        session.run(insert_note, "second");
        return true;
    };
    CHECK_THROWS_AS(
        run(db, operation_mode::transaction, [&](db_session& session) { return write_two(session, true); }),
        change_of_mind);
    CHECK(tables.superuser().value(count_notes) == "0");
    CHECK(
        run(db, operation_mode::transaction, [&](db_session& session) { return write_two(session, false); }));
    CHECK(tables.superuser().value(count_notes) == "2");
}

TEST_CASE("database: conflicts are tried three times") {
    const test_tables tables;
    database db(tables.options());
    for (const std::string state : {"40001", "40P01"})
        for (const int failures : {2, 3}) {
            int runs = 0;
            const auto work = [&](db_session& session) {
                if (++runs <= failures)
                    session.run(raise_error, state);
                return runs;
            };
            if (failures == 2)
                CHECK(run(db, operation_mode::transaction, work) == 3);
            else
                CHECK_THROWS_AS(run(db, operation_mode::transaction, work), database_unavailable);
            CHECK(runs == 3);
        }
}

TEST_CASE("database: what the server cannot do now is told from what it never will") {
    const test_tables tables;
    database db(tables.options());
    for (const auto mode : {operation_mode::read, operation_mode::statement, operation_mode::transaction}) {
        int runs = 0;
        const auto fail_with = [&](const std::string& state) {
            runs = 0;
            return run(db, mode, [&runs, state](db_session& session) {
                ++runs;
                return session.run(raise_error, state).size();
            });
        };
        for (const std::string state : {"53100", "53200", "57014", "57P03", "58030", "25006", "55P03"}) {
            CHECK_THROWS_AS_MESSAGE(fail_with(state), database_unavailable, state);
            CHECK(runs == 1);
        }
        for (const std::string state : {"23505", "22012", "42P01", "P0001"}) {
            CHECK_THROWS_AS_MESSAGE(fail_with(state), pqxx::sql_error, state);
            CHECK(runs == 1);
        }
        CHECK(run_one(db, mode, select_one) == 1);
    }
}

TEST_CASE("database: a statement past its time is given up, and so is one that waits for a lock") {
    test_tables tables;
    auto options = tables.options();
    options.limits.statement = 1s;
    {
        database db(options);
        for (const auto mode :
             {operation_mode::read, operation_mode::statement, operation_mode::transaction}) {
            CHECK_THROWS_AS(run_one(db, mode, sleep_long), database_unavailable);
            CHECK(run_one(db, mode, select_one) == 1);
        }
    }
    options.limits.statement = 30s;
    options.limits.lock = 50ms;
    database db(options);
    REQUIRE(tables.superuser().run("begin; lock table public.notes").done());
    CHECK_THROWS_AS(write_note(db, "late"), database_unavailable);
    CHECK_THROWS_AS(write_note(db, "late", operation_mode::transaction), database_unavailable);
    REQUIRE(tables.superuser().run("rollback").done());
    CHECK(write_note(db, "in time") == 1);
    CHECK(tables.superuser().value(count_notes) == "1");
}

TEST_CASE("database: a server that went away is unavailable, and its return needs nothing from us") {
    private_server server;
    test_tables tables(server.url());
    auto options = tables.options();
    options.connections = 3;
    database db(options);
    // Side by side, so that every connection is used.
    const auto write_on_each = [&db](const std::string& text) {
        std::vector<boost::asio::awaitable<int>> writes;
        for (int i = 0; i < 6; ++i)
            writes.push_back(db.run("test",
                                    i % 2 == 0 ? operation_mode::statement : operation_mode::transaction,
                                    [text](db_session& session) {
                                        return session.run(insert_note, text).one_field().as<int>();
                                    }));
        CHECK(await_all(std::move(writes)) == std::vector<int>(6, 1));
    };
    write_on_each("before");

    server.stop();
    for (const auto mode : {operation_mode::read, operation_mode::statement, operation_mode::transaction})
        CHECK_THROWS_AS(run_one(db, mode, select_one), database_unavailable);
    server.start();
    write_on_each("after the outage");

    server.stop();
    server.start();
    write_on_each("after a restart that nobody noticed");
    sql_connection witness(tables.superuser_url());
    CHECK(witness.value(count_notes) == "18");
}

TEST_CASE("database: a server that cannot be reached at all is unavailable") {
    const test_tables tables;
    auto options = tables.options();
    options.url += " dbname='no_such_database'";
    database db(options);
    CHECK_THROWS_AS(run_one(db, operation_mode::read, select_one), database_unavailable);
    CHECK_THROWS_AS(write_note(db, "nowhere"), database_unavailable);
}

TEST_CASE("database: a write whose backend is ended on the way is in doubt, and was not done") {
    test_tables tables;
    database db(tables.options());
    for (const auto mode : {operation_mode::statement, operation_mode::transaction}) {
        auto write = std::async(std::launch::async,
                                [&db, mode] { return write_note(db, "lost", mode, insert_slowly); });
        tables.superuser().await_value(sleeping, "1");
        tables.superuser().value(end_sleeping);
        CHECK_THROWS_AS(write.get(), write_in_doubt);
        CHECK(tables.superuser().value(count_notes) == "0");
        CHECK(run_one(db, mode, select_one) == 1);
    }
}

TEST_CASE("database: a write whose answer never came is in doubt, and was done") {
    test_tables tables;
    tcp_relay relay(static_cast<std::uint16_t>(std::stoi(tables.superuser().value("show port"))));
    auto options = tables.options();
    options.url += " host='127.0.0.1' port='" + std::to_string(relay.port()) + "'";
    database db(options);
    auto write = std::async(std::launch::async, [&db] {
        return write_note(db, "unheard", operation_mode::statement, insert_slowly);
    });
    tables.superuser().await_value(sleeping, "1");
    relay.cut();
    CHECK_THROWS_AS(write.get(), write_in_doubt);
    tables.superuser().await_value(count_notes, "1");
    CHECK(write_note(db, "next") == 1);
}

TEST_CASE("database: a read is repeated once on a new connection, not more") {
    test_tables tables;
    database db(tables.options());
    for (const int cuts : {1, 2}) {
        std::atomic<int> runs = 0;
        auto read = std::async(std::launch::async, [&db, &runs, cuts] {
            return run(db, operation_mode::read, [&runs, cuts](db_session& session) {
                return session.run(++runs <= cuts ? sleep_long : select_one).one_field().as<int>();
            });
        });
        for (int cut = 1; cut <= cuts; ++cut) {
            await_that([&runs, cut] { return runs == cut; });
            tables.superuser().await_value(sleeping, "1");
            const auto process = tables.superuser().value(sleeping_process);
            tables.superuser().value("select pg_terminate_backend(" + process + ")");
            tables.superuser().await_value("select count(*) from pg_stat_activity where pid = " + process,
                                           "0");
        }
        if (cuts == 1)
            CHECK(read.get() == 1);
        else
            CHECK_THROWS_AS(read.get(), database_unavailable);
        CHECK(runs == cuts + (cuts == 1 ? 1 : 0));
    }
}
