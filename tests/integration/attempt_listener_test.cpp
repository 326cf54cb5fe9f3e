#include "storage/attempt_listener.h"

#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 20s;

/// What a listener said, in order; made before the listener and gone after it.
class heard_orders {
public:
    void add(order_key order) {
        {
            const std::lock_guard lock(mutex_);
            orders_.push_back(order);
        }
        changed_.notify_all();
    }
    /// Awaits `count` of them in all; those that came by then.
    std::vector<order_key> await(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, patience, [&] { return orders_.size() >= count; });
        return orders_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<order_key> orders_;
};

constexpr auto begun = order_key{};

struct listening {
    recorded_orders at;
    heard_orders heard;
    attempt_listener listener{at.server.service_url(), {}, [this](order_key order) { heard.add(order); }};

    listening() { heard.await(1); }
};

} // namespace

TEST_CASE("attempt listener: it says when it begins to listen") {
    listening with;
    CHECK(with.heard.await(1) == std::vector{begun});
}

TEST_CASE("attempt listener: the end of an attempt that somebody awaits is heard, and no other") {
    listening with;
    auto& at = with.at;
    const auto alone = at.begin("ALONE");
    const auto awaited = at.begin("AWAITED");
    CHECK(await_result(at.attempts.await(awaited.id)));
    CHECK_FALSE_MESSAGE(await_result(at.attempts.await(awaited.id)), "it is asked for already");
    REQUIRE(at.release(alone, "sess_1"));
    SUBCASE("released") {
        REQUIRE(at.release(awaited, "sess_2"));
    }
    SUBCASE("dark") {
        REQUIRE(at.close(awaited, unreleased_end{}));
    }
    SUBCASE("refused") {
        unreleased_end end;
        end.status = session_status::refused;
        end.refusal_code = "400";
        REQUIRE(at.close(awaited, end));
    }
    CHECK(with.heard.await(2) == std::vector{begun, awaited.order});
    CHECK_FALSE_MESSAGE(await_result(at.attempts.await(awaited.id)), "it is over");
    CHECK_FALSE(await_result(at.attempts.await(alone.id)));
}

TEST_CASE("attempt listener: an attempt whose lease ran out is heard of, however it was noticed") {
    listening with;
    auto& at = with.at;
    const auto attempt = at.begin("ORD-1", -1ms);
    REQUIRE(await_result(at.attempts.await(attempt.id)));
    SUBCASE("by the sweeper") {
        CHECK(await_result(at.attempts.lapse(attempt.order, attempt.id)));
    }
    SUBCASE("by the next request") {
        CHECK(at.begin_next("ORD-1", attempt.id));
    }
    CHECK(with.heard.await(2) == std::vector{begun, attempt.order});
}

TEST_CASE("attempt listener: what is taken back is not heard of") {
    listening with;
    auto& at = with.at;
    const auto old = at.open_session("ORD-1", "sess_1");
    auto next = at.begin_next("ORD-1", std::nullopt, old.id).value();
    REQUIRE(await_result(at.attempts.await(next.id)));
    CHECK_FALSE(at.release(next, "sess_1", old.id));
    REQUIRE(at.release(next, "sess_2", old.id));
    CHECK(with.heard.await(2) == std::vector{begun, next.order});
}

TEST_CASE("attempt listener: after its connection broke it listens again and says so") {
    listening with;
    auto& at = with.at;
    at.server.superuser().value("select pg_terminate_backend(pid) from pg_stat_activity"
                                " where datname = current_database() and query ilike 'listen%'");
    CHECK(with.heard.await(2) == std::vector{begun, begun});
    const auto attempt = at.begin("ORD-1");
    REQUIRE(await_result(at.attempts.await(attempt.id)));
    REQUIRE(at.release(attempt, "sess_1"));
    CHECK(with.heard.await(3) == std::vector{begun, begun, attempt.order});
}

TEST_CASE("attempt listener: it ends without a server, too") {
    heard_orders heard;
    const auto began = std::chrono::steady_clock::now();
    {
        const attempt_listener listener("host=127.0.0.1 port=1 dbname=none", {},
                                        [&](order_key order) { heard.add(order); });
    }
    CHECK(std::chrono::steady_clock::now() - began < patience);
    CHECK(heard.await(0).empty());
}

TEST_CASE("attempt store: a lapse is the end of an attempt whose lease ran out, once, and of no other") {
    recorded_orders at;
    const auto held = at.begin("HELD");
    CHECK_FALSE(await_result(at.attempts.lapse(held.order, held.id)));
    CHECK(at.get("HELD").sessions.at(0).status == session_status::creating);

    const auto lapsed = at.begin("LAPSED", -1ms);
    const auto before = at.get("LAPSED");
    std::vector<boost::asio::awaitable<bool>> sweepers;
    for (int i = 0; i < 8; ++i)
        sweepers.push_back(at.attempts.lapse(lapsed.order, lapsed.id));
    const auto results = await_all(std::move(sweepers));
    CHECK(std::ranges::count(results, true) == 1);
    const auto order = at.get("LAPSED");
    CHECK(order.version > before.version);
    CHECK(order.sessions.at(0).status == session_status::dark);
    CHECK(order.sessions[0].generation > lapsed.generation);
    CHECK_MESSAGE(order.sessions[0].next_check_at.has_value(), "a dark attempt is looked for");
    CHECK(at.kinds("LAPSED") == "attempt_created attempt_dark");
    CHECK_FALSE_MESSAGE(at.release(lapsed, "sess_late"), "whoever held it is fenced");

    at.open_session("OPEN", "sess_1");
    const auto open = at.get("OPEN");
    CHECK_FALSE(await_result(at.attempts.lapse(open.key, open.sessions.at(0).id)));
    CHECK(at.get("OPEN").version == open.version);
}

TEST_CASE("attempt store: a lapse races a release: one of them ends the attempt") {
    recorded_orders at;
    for (int round = 0; round < 10; ++round) {
        const auto order = "ORD-" + std::to_string(round);
        const auto attempt = at.begin(order, -1ms);
        auto release = [](recorded_orders& with, begun_attempt mine,
                          std::string session) -> boost::asio::awaitable<bool> {
            co_return (
                co_await with.attempts.release(mine, make_handle(session), std::nullopt, make_exchange()))
                .has_value();
        };
        std::vector<boost::asio::awaitable<bool>> both;
        both.push_back(release(at, attempt, "sess_" + std::to_string(round)));
        both.push_back(at.attempts.lapse(attempt.order, attempt.id));
        const auto results = await_all(std::move(both));
        CHECK(std::ranges::count(results, true) == 1);
        CHECK((at.get(order).find_current() != nullptr) == results[0]);
    }
}
