// What waits for a database thread: how many, how long, and what becomes of it.
#include "storage/database.h"

#include "storage/session.h"
#include "support/test_database.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

constexpr sql_statement select_one{"test_one", "select 1"};

database_options options_for(const test_database& server) {
    return {.url = server.service_url(), .connections = 1, .queue_length = 16, .limits = {}};
}

/// Operations of one caller that go on side by side.
class caller {
public:
    /// Hands the operation to the database before it returns.
    template <class Work>
    std::future<int> begin(database& db, Work work) {
        auto pending = boost::asio::co_spawn(io_, db.run("test", operation_mode::read, std::move(work)),
                                             boost::asio::use_future);
        poll();
        return pending;
    }
    void poll() {
        io_.restart();
        io_.poll();
    }
    void finish() {
        io_.restart();
        io_.run();
    }

private:
    boost::asio::io_context io_{1};
};

/// Work that stays on its database thread until it is let go.
class gate {
public:
    auto work() {
        return [this](db_session&) {
            started_.set_value();
            opened_.get_future().wait();
            return 1;
        };
    }
    void await_work() {
        if (started_.get_future().wait_for(20s) != std::future_status::ready)
            throw std::runtime_error("the work was not begun");
    }
    void open() { opened_.set_value(); }

private:
    std::promise<void> started_;
    std::promise<void> opened_;
};

int answer_one(db_session& session) {
    return session.run(select_one).one_field().as<int>();
}

int take_a_while(db_session&) {
    std::this_thread::sleep_for(300ms);
    return 1;
}

} // namespace

TEST_CASE("database: one operation too many for the queue is refused at once") {
    const test_database server(schema::empty);
    auto options = options_for(server);
    options.queue_length = 1;
    database db(options);
    gate held;
    caller client;
    auto working = client.begin(db, held.work());
    held.await_work();
    auto queued = client.begin(db, answer_one);
    auto refused = client.begin(db, answer_one);
    client.poll();
    CHECK_THROWS_AS(refused.get(), database_unavailable);
    CHECK(queued.wait_for(0s) == std::future_status::timeout);
    held.open();
    client.finish();
    CHECK(working.get() == 1);
    CHECK(queued.get() == 1);
    CHECK(await_result(db.run("test", operation_mode::read, answer_one)) == 1);
}

TEST_CASE("database: an operation that waited too long is refused unbegun") {
    const test_database server(schema::empty);
    auto options = options_for(server);
    options.queue_time = 2s; // for the first operation, too, however busy the machine is
    database db(options);
    gate held;
    caller client;
    std::atomic<bool> begun = false;
    auto working = client.begin(db, held.work());
    held.await_work();
    auto late = client.begin(db, [&begun](db_session&) {
        begun = true;
        return 1;
    });
    std::this_thread::sleep_for(options.queue_time + 500ms);
    held.open();
    client.finish();
    CHECK(working.get() == 1);
    CHECK_THROWS_AS(late.get(), database_unavailable);
    CHECK_FALSE(begun);
}

TEST_CASE("database: an operation that waited too long is refused also while no other ends") {
    const test_database server(schema::empty);
    auto options = options_for(server);
    options.queue_time = 2s;
    database db(options);
    gate held;
    caller client;
    auto working = client.begin(db, held.work());
    held.await_work();
    CHECK(db.expected_wait() == 0ms);
    auto late = client.begin(db, answer_one);
    while (late.wait_for(0s) != std::future_status::ready)
        client.poll();
    CHECK_THROWS_AS(late.get(), database_unavailable);
    CHECK(working.wait_for(0s) == std::future_status::timeout);
    held.open();
    client.finish();
    CHECK(working.get() == 1);
}

TEST_CASE(
    "database: what would have to wait is told from how long others take, and from how long they wait") {
    const test_database server(schema::empty);
    database db(options_for(server));
    for (int i = 0; i < 3; ++i)
        await_result(db.run("test", operation_mode::read, take_a_while));
    CHECK(db.expected_wait() == 0ms);
    gate held;
    caller client;
    auto working = client.begin(db, held.work());
    held.await_work();
    std::vector<std::future<int>> queued;
    for (int i = 0; i < 10; ++i)
        queued.push_back(client.begin(db, answer_one));
    CHECK(db.expected_wait() > 200ms);
    while (db.expected_wait() < 2s) // the first one waits for as long already
        std::this_thread::sleep_for(10ms);
    held.open();
    client.finish();
    for (auto& each : queued)
        CHECK(each.get() == 1);
    CHECK(db.expected_wait() == 0ms);
}

TEST_CASE("database: what a pause of the server held up says nothing of what comes after it") {
    const test_database server(schema::empty);
    database db(options_for(server));
    for (int i = 0; i < 50; ++i)
        await_result(db.run("test", operation_mode::read, answer_one));
    gate held;
    caller client;
    auto working = client.begin(db, held.work());
    held.await_work();
    std::this_thread::sleep_for(2s);
    held.open();
    client.finish();
    gate again;
    auto next = client.begin(db, again.work());
    again.await_work();
    std::vector<std::future<int>> queued;
    for (int i = 0; i < 20; ++i)
        queued.push_back(client.begin(db, answer_one));
    CHECK(db.expected_wait() < 1s);
    again.open();
    client.finish();
}

TEST_CASE("database: its end waits for the operation under way and fails the queued ones") {
    const test_database server(schema::empty);
    auto db = std::make_unique<database>(options_for(server));
    gate held;
    caller client;
    auto working = client.begin(*db, held.work());
    held.await_work();
    auto queued = client.begin(*db, answer_one);
    std::atomic<bool> ended = false;
    std::thread end([&] {
        db.reset();
        ended = true;
    });
    while (queued.wait_for(0s) != std::future_status::ready)
        client.poll();
    CHECK_FALSE(ended);
    held.open();
    end.join();
    client.finish();
    CHECK(working.get() == 1);
    CHECK_THROWS_AS(queued.get(), database_unavailable);
}
