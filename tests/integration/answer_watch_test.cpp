#include "storage/answer_watch.h"

#include "storage/database.h"
#include "storage/report_cursor.h"
#include "storage/session.h"
#include "support/test_database.h"

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <future>
#include <optional>
#include <string>
#include <utility>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

constexpr sql_statement own_process{"test_process", "select pg_backend_pid()"};
constexpr sql_statement insert_note{"test_insert", "insert into public.notes (text) values ($1) returning 1"};
constexpr sql_statement sleep_little{"test_sleep", "select 1 from pg_sleep(0.8)"};
constexpr const char* count_notes = "select count(*) from public.notes";

/// Two connected sockets.
struct socket_pair {
    socket_pair() : first(open()) {}
    ~socket_pair() {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    socket_pair(const socket_pair&) = delete;
    socket_pair& operator=(const socket_pair&) = delete;

    /// Whether the first was shut down: its peer reads the end at once.
    bool is_shut() const {
        char byte = 0;
        return ::recv(ends[1], &byte, 1, MSG_DONTWAIT) == 0;
    }
    /// Returns when it is.
    void await_shut() const {
        char byte = 0;
        CHECK(::recv(ends[1], &byte, 1, 0) == 0);
    }

    /// As libpq does when the connection failed.
    void close_first() { ::close(std::exchange(ends[0], -1)); }

    std::array<int, 2> ends{};
    duplicated_socket first;

private:
    int open() {
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
        return ends[0];
    }
};

/// A server of its own with a table, and a database that is patient for 3.5 s.
struct silent_server {
    silent_server() {
        tables.superuser().value("create table public.notes (text text);"
                                 "grant select, insert on public.notes to public");
    }

    int run(operation_mode mode, const sql_statement& statement) {
        return await_result(db.run("test", mode, [&statement](db_session& session) {
            return session.run(statement).one_field().as<int>();
        }));
    }
    int write(operation_mode mode) {
        return await_result(db.run("test", mode, [](db_session& session) {
            return session.run(insert_note, "text").one_field().as<int>();
        }));
    }
    /// How many statements were answered before the first that was not.
    int write_until_in_doubt() {
        for (int answered = 0;; ++answered) {
            try {
                write(operation_mode::statement);
            } catch (const write_in_doubt&) {
                return answered;
            }
        }
    }

    private_server server;
    test_database tables{schema::empty, server.url()};
    database db{{.url = tables.service_url(),
                 .connections = 1,
                 .queue_length = 16,
                 .limits = {.statement = 3s, .lock = 500ms}}};
};

/// A process that is stopped while this lives.
struct stopped_process {
    explicit stopped_process(int which) : process(which) { REQUIRE(::kill(process, SIGSTOP) == 0); }
    ~stopped_process() { ::kill(process, SIGCONT); }
    stopped_process(const stopped_process&) = delete;
    stopped_process& operator=(const stopped_process&) = delete;

    const int process;
};

} // namespace

TEST_CASE("answer_watch: shuts down what is not answered in time, and nothing else") {
    const socket_pair overdue;
    const socket_pair answered;
    const socket_pair renewed;
    answer_watch watch({.statement = 1500ms, .lock = 500ms});
    answer_watch::wait going_on(watch, renewed.first);
    { const answer_watch::wait short_one(watch, answered.first); }
    const auto began = std::chrono::steady_clock::now();
    const answer_watch::wait silent(watch, overdue.first);
    auto shut = std::async(std::launch::async, [&overdue] { overdue.await_shut(); });
    while (shut.wait_for(20ms) != std::future_status::ready)
        going_on.renew();
    CHECK(std::chrono::steady_clock::now() - began >= 2s);
    CHECK_FALSE(answered.is_shut());
    CHECK_FALSE(renewed.is_shut());
    renewed.await_shut(); // once nobody renews it
    going_on.renew();
}

TEST_CASE("answer_watch: a descriptor that was closed meanwhile, and is somebody else's, is left alone") {
    answer_watch watch({.statement = 150ms, .lock = 50ms});
    socket_pair failed;
    const int number = failed.ends[0];
    const answer_watch::wait silent(watch, failed.first);
    failed.close_first();
    const socket_pair other; // takes the lowest number that is free
    REQUIRE(other.ends[0] == number);
    const socket_pair later;
    const answer_watch::wait after(watch, later.first);
    later.await_shut(); // then the one before was, too
    failed.await_shut();
    CHECK_FALSE(other.is_shut());
}

TEST_CASE("answer_watch: a watch that was idle notices the next one") {
    answer_watch watch({.statement = 50ms, .lock = 50ms});
    for (int i = 0; i < 3; ++i) {
        const socket_pair pair;
        const answer_watch::wait silent(watch, pair.first);
        pair.await_shut();
    }
}

TEST_CASE("answer_watch: in a hurry what is awaited is, and what comes after") {
    answer_watch watch({.statement = 600s, .lock = 500ms});
    const socket_pair before;
    const answer_watch::wait under_way(watch, before.first);
    watch.hurry(100ms);
    before.await_shut();
    const socket_pair next;
    const answer_watch::wait after(watch, next.first);
    next.await_shut();
}

TEST_CASE("database: its end waits for no server that hangs") {
    const private_server server;
    const test_database tables(schema::empty, server.url());
    std::optional<database> db(std::in_place, database_options{.url = tables.service_url(),
                                                               .connections = 1,
                                                               .queue_length = 16,
                                                               .limits = {.statement = 600s, .lock = 500ms}});
    const auto ask = [&db](std::promise<void>& begun) {
        return await_result(db->run("test", operation_mode::read, [&begun](db_session& session) {
            begun.set_value();
            return session.run(own_process).one_field().as<int>();
        }));
    };
    std::promise<void> first;
    const stopped_process stopped(ask(first));
    std::promise<void> begun;
    auto answer = std::async(std::launch::async, [&] { return ask(begun); });
    begun.get_future().get();
    db.reset();
    CHECK_THROWS_AS(answer.get(), database_unavailable);
}

TEST_CASE("database: a server that hangs leaves a write in doubt and is replaced by one that answers") {
    silent_server silent;
    for (const auto mode : {operation_mode::statement, operation_mode::transaction}) {
        const auto backend = silent.run(operation_mode::read, own_process);
        const stopped_process stopped(backend);
        CHECK_THROWS_AS(silent.write(mode), write_in_doubt);
        CHECK(silent.run(operation_mode::read, own_process) != backend);
    }
}

TEST_CASE("database: a read from a server that hangs is repeated on a new connection") {
    silent_server silent;
    const auto backend = silent.run(operation_mode::read, own_process);
    const stopped_process stopped(backend);
    CHECK(silent.run(operation_mode::read, own_process) != backend);
}

TEST_CASE("database: a transaction may take longer than one answer") {
    silent_server silent;
    CHECK(await_result(silent.db.run("test", operation_mode::transaction,
                                     [](db_session& session) {
                                         int sum = 0;
                                         for (int i = 0; i < 5; ++i)
                                             sum += session.run(sleep_little).one_field().as<int>();
                                         return sum;
                                     }))
          == 5);
}

TEST_CASE("database: a commit that waits for a standby that is not there is in doubt, whatever it was") {
    silent_server silent;
    auto& superuser = silent.tables.superuser();
    CHECK(silent.write(operation_mode::statement) == 1);
    superuser.value("alter system set synchronous_standby_names = 'nobody'");
    superuser.value("select pg_reload_conf()");
    const int written = 1 + silent.write_until_in_doubt(); // a process of the server's own puts it in force
    CHECK_THROWS_AS(silent.write(operation_mode::transaction), write_in_doubt);
    CHECK(superuser.value(count_notes) == std::to_string(written)); // the others are not at the standby
    superuser.value("alter system reset synchronous_standby_names");
    superuser.value("select pg_reload_conf()");
    superuser.await_value(count_notes, std::to_string(written + 2));
    CHECK(silent.write(operation_mode::statement) == 1);
}
