#include "storage/migrations.h"

#include "app/migrate.h"
#include "support/test_database.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <future>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view make_things = "create table checkout.things (id int primary key);\n";
constexpr std::string_view fill_things = "insert into checkout.things values (1);\n";

std::vector<migration> two_steps() {
    return {make_migration("V1__things.sql", make_things), make_migration("V2__fill.sql", fill_things)};
}

/// Migrates; the names of what was applied, joined by spaces.
std::string bring_up(const std::string& url, const std::vector<migration>& migrations) {
    std::string applied;
    migrate(url, migrations,
            [&applied](const migration& step) { applied += (applied.empty() ? "" : " ") + step.name; });
    return applied;
}

std::string failure_of(const std::string& url, const std::vector<migration>& migrations) {
    try {
        bring_up(url, migrations);
    } catch (const migration_error& error) {
        return error.what();
    }
    return "";
}

std::string history(test_database& at) {
    return at.owner().value("select coalesce(string_agg(version || ' ' || name, ', ' order by version), '')"
                            " from checkout.schema_migrations");
}

int version_seen_by(const std::string& url) {
    database db({.url = url, .connections = 1, .queue_length = 4, .limits = {}});
    return await_result(find_schema_version(db));
}

} // namespace

TEST_CASE("migrations: a file's name gives its version, its text the checksum and the mark") {
    const auto plain = make_migration("V12__add_things.sql", "select 1;\n");
    CHECK(plain.version == 12);
    CHECK(plain.name == "V12__add_things.sql");
    CHECK(plain.sql == "select 1;\n");
    CHECK(plain.checksum == "4a45092ccf992ea92250053a80b931b787924ba61648f420555511b84f10ab6c");
    CHECK(plain.in_transaction);
    CHECK(make_migration("V1__x.sql", "select 2;\n").checksum != plain.checksum);

    for (const std::string_view sql :
         {"-- no-transaction\nselect 1;\n", "-- why\n-- no-transaction\nselect 1;\n"})
        CHECK_FALSE_MESSAGE(make_migration("V1__x.sql", sql).in_transaction, sql);
    for (const std::string_view sql :
         {"select 1; -- no-transaction\n", "-- no-transaction, please\nselect 1;\n"})
        CHECK_MESSAGE(make_migration("V1__x.sql", sql).in_transaction, sql);
}

TEST_CASE("migrations: a file of another name is refused") {
    for (const std::string name :
         {"", "V1.sql", "V__x.sql", "V1_x.sql", "v1__x.sql", "V0__x.sql", "V-1__x.sql", "V1a__x.sql",
          "V1.1__x.sql", "V99999999999__x.sql", "V1__x.txt", "1__x.sql", "R__x.sql", "V1__.sql"})
        CHECK_THROWS_AS_MESSAGE(make_migration(name, "select 1;\n"), std::invalid_argument, name);
}

TEST_CASE("migrations: each is applied once, in order of version, and kept in the history") {
    test_database at(schema::empty);
    auto steps = two_steps();
    std::ranges::reverse(steps);
    CHECK(bring_up(at.owner_url(), steps) == "V1__things.sql V2__fill.sql");
    CHECK(at.owner().value("select count(*) from checkout.things") == "1");
    CHECK(history(at) == "1 V1__things.sql, 2 V2__fill.sql");
    CHECK(bring_up(at.owner_url(), steps) == "");
    CHECK(at.owner().value("select count(*) from checkout.things") == "1");

    steps.push_back(make_migration("V3__more.sql", "insert into checkout.things values (3);\n"));
    CHECK(bring_up(at.owner_url(), steps) == "V3__more.sql");
    CHECK(version_seen_by(at.owner_url()) == 3);
}

TEST_CASE("migrations: a changed text is refused before anything is applied") {
    test_database at(schema::empty);
    bring_up(at.owner_url(), {make_migration("V1__things.sql", make_things)});
    CHECK(failure_of(at.owner_url(),
                     {make_migration("V1__things.sql", "create table checkout.things (id bigint);\n"),
                      make_migration("V2__fill.sql", fill_things)})
              .find("V1__things.sql")
          != std::string::npos);
    CHECK(history(at) == "1 V1__things.sql");
    CHECK(bring_up(at.owner_url(), two_steps()) == "V2__fill.sql");
}

TEST_CASE("migrations: one that fails leaves nothing of itself, and everything before it") {
    test_database at(schema::empty);
    auto steps = two_steps();
    steps.push_back(make_migration("V3__broken.sql", "create table checkout.more (id int); select 1 / 0;\n"));
    steps.push_back(make_migration("V4__after.sql", "create table checkout.after (id int);\n"));
    CHECK(failure_of(at.owner_url(), steps).find("V3__broken.sql") != std::string::npos);
    CHECK(history(at) == "1 V1__things.sql, 2 V2__fill.sql");
    CHECK(at.owner().value("select to_regclass('checkout.more') is null and"
                           " to_regclass('checkout.after') is null")
          == "t");
    CHECK(at.superuser().value("select count(*) from pg_locks where locktype = 'advisory' and database ="
                               " (select oid from pg_database where datname = current_database())")
          == "0");
}

TEST_CASE("migrations: several that start together apply each step once") {
    test_database at(schema::empty);
    std::vector<std::future<std::string>> migrators;
    for (int i = 0; i < 4; ++i)
        migrators.push_back(
            std::async(std::launch::async, [&at] { return bring_up(at.owner_url(), two_steps()); }));
    std::vector<std::string> applied;
    for (auto& one : migrators)
        applied.push_back(one.get());
    CHECK(std::ranges::count(applied, "V1__things.sql V2__fill.sql") == 1);
    CHECK(std::ranges::count(applied, "") == 3);
    CHECK(at.owner().value("select count(*) from checkout.things") == "1");
}

TEST_CASE("migrations: one that cannot run in a transaction does, and is run again after a failure") {
    test_database at(schema::empty);
    auto steps = two_steps();
    steps.push_back(make_migration("V3__index.sql", "-- no-transaction\n"
                                                    "create index concurrently if not exists things_unique"
                                                    " on checkout.things (id);\n"));
    CHECK(bring_up(at.owner_url(), steps) == "V1__things.sql V2__fill.sql V3__index.sql");
    CHECK(at.owner().value(
              "select indisvalid from pg_index where indexrelid = 'checkout.things_unique'::regclass")
          == "t");
    // As after a stop between the statement and its record.
    at.owner().value("delete from checkout.schema_migrations where version = 3");
    CHECK(bring_up(at.owner_url(), steps) == "V3__index.sql");
    CHECK(bring_up(at.owner_url(), steps) == "");
}

TEST_CASE("migrations: a busy table is tried again until it is free") {
    test_database at(schema::empty);
    bring_up(at.owner_url(), two_steps());
    at.owner().value("create sequence public.tries");
    REQUIRE(at.superuser().run("begin; lock table checkout.things in access share mode").done());
    // Counts its tries, for a sequence is not taken back, and waits less long than the migrator's own
    // time-out.
    auto steps = two_steps();
    steps.push_back(make_migration("V3__column.sql", "select nextval('public.tries');\n"
                                                     "set local lock_timeout = '50ms';\n"
                                                     "alter table checkout.things add column name text;\n"));
    auto migrator = std::async(std::launch::async, [&] { return bring_up(at.owner_url(), steps); });
    at.owner().await_value("select last_value > 1 from public.tries", "t");
    REQUIRE(at.superuser().run("rollback").done());
    CHECK(migrator.get() == "V3__column.sql");
    CHECK(at.owner().run("select name from checkout.things").done());
}

TEST_CASE("migrations: an index that is built concurrently waits for who reads, and is not begun anew") {
    test_database at(schema::empty);
    bring_up(at.owner_url(), two_steps());
    sql_connection reader(at.owner_url());
    reader.value("begin isolation level repeatable read");
    reader.value("select count(*) from checkout.things");
    auto migrated = std::async(std::launch::async, [&at] {
        auto steps = two_steps();
        steps.push_back(make_migration("V3__index.sql", "-- no-transaction\n"
                                                        "create index concurrently if not exists things_id"
                                                        " on checkout.things (id);\n"));
        return bring_up(at.owner_url(), steps);
    });
    const std::string index = "select oid from pg_class where relname = 'things_id'";
    at.superuser().await_value("select count(*) from pg_class where relname = 'things_id'", "1");
    const auto begun = at.superuser().value(index);
    std::this_thread::sleep_for(6s);
    reader.value("commit");
    CHECK(migrated.get() == "V3__index.sql");
    CHECK(at.superuser().value(index) == begun);
}

TEST_CASE("migrations: the newest version is 0 before the first") {
    test_database at(schema::empty);
    CHECK(version_seen_by(at.service_url()) == 0);
    bring_up(at.owner_url(), {});
    CHECK(version_seen_by(at.owner_url()) == 0);
}

TEST_CASE("migrations: the service's own bring a database to the version that it needs") {
    test_database at;
    CHECK(version_seen_by(at.service_url()) == own_schema_version());
    CHECK(bring_up(at.owner_url(), own_migrations()) == "");
}

TEST_CASE("migrations: what the database does not let us do is a migration_error") {
    test_database at(schema::empty);
    CHECK(failure_of(at.owner_url() + " dbname='no_such_database'", two_steps()) != "");
    // The roles are there, the right to create a schema is not.
    bring_up(at.owner_url(), {});
    at.owner().value("drop schema checkout cascade");
    CHECK(failure_of(at.service_url(), two_steps()) != "");
}

TEST_CASE("migrations: roles are made by whoever may, at once or not, and asked for by who may not") {
    const private_server server;
    test_database powerless(schema::empty, server.url());
    const auto owner = powerless.owner().value("select current_user");
    powerless.superuser().value("alter role " + owner + " nocreaterole");
    const auto failure = failure_of(powerless.owner_url(), two_steps());
    CHECK(failure.find("create role checkout_service") != std::string::npos);
    CHECK(failure.find("create role finance_reader") != std::string::npos);
    CHECK(powerless.superuser().value("select to_regnamespace('checkout') is null") == "t");

    // Databases have a lock each, so these race for the server's roles.
    std::vector<std::unique_ptr<test_database>> databases;
    for (int i = 0; i < 4; ++i)
        databases.push_back(std::make_unique<test_database>(schema::empty, server.url()));
    std::vector<std::future<std::string>> migrators;
    for (const auto& each : databases)
        migrators.push_back(
            std::async(std::launch::async, [&each] { return bring_up(each->owner_url(), two_steps()); }));
    for (auto& one : migrators)
        CHECK(one.get() == "V1__things.sql V2__fill.sql");

    CHECK(bring_up(powerless.owner_url(), two_steps()) == "V1__things.sql V2__fill.sql");
}
