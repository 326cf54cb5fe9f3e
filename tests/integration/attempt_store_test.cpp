#include "storage/attempt_store.h"

#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

using begun = std::optional<begun_attempt>;
using released = std::optional<session_record>;

/// A lease that has run out when the attempt is next read.
constexpr auto lapsed_lease = -1ms;

} // namespace

TEST_CASE("attempt store: the first attempt is recorded whole before anything is asked") {
    recorded_orders at;
    const auto intent = make_intent("ORD-1");
    const auto attempt = await_result(at.attempts.begin_first(intent));
    REQUIRE(attempt);
    CHECK(attempt->id == intent.id);
    CHECK(attempt->attempt == 1);

    const auto order = at.get("ORD-1");
    CHECK(order.key == attempt->order);
    CHECK(order.state == order_state::unpaid);
    CHECK(order.last_attempt == 1);
    REQUIRE(order.sessions.size() == 1);
    const auto& session = order.sessions[0];
    CHECK(session.status == session_status::creating);
    CHECK(session.payment == payment_status::unpaid);
    CHECK(session.generation == attempt->generation);
    CHECK_FALSE(session.lease_expired);
    CHECK(session.original == intent.terms.original);
    CHECK(session.terms == intent.recorded);
    CHECK(session.terms_fingerprint == intent.fingerprint);
    CHECK(session.success_url == intent.terms.success_url);
    CHECK_FALSE(session.released());
    CHECK_FALSE(session.session_id);

    const auto events = at.events("ORD-1");
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == "attempt_created");
    CHECK(events[0].attempt == 1);
    CHECK(events[0].request_id == intent.request_id);
}

TEST_CASE("attempt store: of many that begin one order at once, one does") {
    recorded_orders at;
    for (int round = 0; round < 5; ++round) {
        const auto order = "ORD-" + std::to_string(round);
        std::vector<boost::asio::awaitable<begun>> callers;
        for (int i = 0; i < 16; ++i)
            callers.push_back(at.attempts.begin_first(make_intent(order)));
        const auto results = await_all(std::move(callers));
        CHECK(std::ranges::count_if(results, [](const begun& one) { return one.has_value(); }) == 1);
        CHECK(at.get(order).sessions.size() == 1);
        CHECK(at.kinds(order) == "attempt_created");
    }
}

TEST_CASE("attempt store: a further attempt is begun on the order's newest view only, and once") {
    recorded_orders at;
    CHECK(at.close(at.begin("ORD-1"), dark_with(std::nullopt)));
    const auto seen = at.get("ORD-1");
    const next_attempt next{
        .order = seen.key, .version = seen.version, .attempt = 2, .lapsed = {}, .supersedes = {}};

    auto stale = next;
    --stale.version;
    CHECK_FALSE(await_result(at.attempts.begin_next(make_intent("ORD-1"), stale)));
    CHECK(at.get("ORD-1").version == seen.version);

    std::vector<boost::asio::awaitable<begun>> callers;
    for (int i = 0; i < 12; ++i)
        callers.push_back(at.attempts.begin_next(make_intent("ORD-1"), next));
    const auto results = await_all(std::move(callers));
    CHECK(std::ranges::count_if(results, [](const begun& one) { return one.has_value(); }) == 1);

    const auto order = at.get("ORD-1");
    CHECK(order.version == seen.version + 1);
    CHECK(order.last_attempt == 2);
    REQUIRE(order.sessions.size() == 2);
    CHECK(order.sessions[1].attempt == 2);
    CHECK(order.sessions[1].status == session_status::creating);
    CHECK(at.kinds("ORD-1") == "attempt_created attempt_dark attempt_created");
}

TEST_CASE("attempt store: nothing is begun on an order that is cancelled or paid") {
    recorded_orders at;
    CHECK(at.close(at.begin("CANCELLED"), dark_with(std::nullopt)));
    const auto order = at.get("CANCELLED");
    REQUIRE(await_result(
        at.settlements.cancel(order.key, order.version, order_state::cancelled, "request-cancel")));
    CHECK_FALSE(at.begin_next("CANCELLED"));

    at.paid_order("PAID", "sess_1");
    CHECK_FALSE(at.begin_next("PAID"));
    CHECK(at.get("PAID").sessions.size() == 1);
}

TEST_CASE("attempt store: an attempt whose lease ran out turns dark with an event when the next begins") {
    recorded_orders at;
    const auto first = at.begin("ORD-1", lapsed_lease);
    CHECK(attempt_of(at.get("ORD-1"), first.id).lease_expired);

    const auto second = at.begin_next("ORD-1", first.id);
    REQUIRE(second);
    const auto order = at.get("ORD-1");
    const auto& dark = attempt_of(order, first.id);
    CHECK(dark.status == session_status::dark);
    CHECK(dark.generation > first.generation);
    CHECK(attempt_of(order, second->id).status == session_status::creating);
    CHECK(at.kinds("ORD-1") == "attempt_created attempt_dark attempt_created");

    SUBCASE("and its late answer releases nothing") {
        CHECK_FALSE(at.release(first, "sess_late"));
        CHECK_FALSE(attempt_of(at.get("ORD-1"), first.id).session_id);
        CHECK(at.release(*second, "sess_2"));
    }
    SUBCASE("and its late answer only teaches it Clink's id, once") {
        CHECK(at.close(first, dark_with("sess_late")));
        CHECK_FALSE(at.close(first, dark_with("sess_later")));
        CHECK_FALSE(at.close(first, dark_with(std::nullopt)));
        const auto later = at.get("ORD-1");
        CHECK(attempt_of(later, first.id).status == session_status::dark);
        CHECK(attempt_of(later, first.id).session_id == clink_session_id("sess_late"));
        CHECK_FALSE(attempt_of(later, first.id).released());
        CHECK(at.kinds("ORD-1") == "attempt_created attempt_dark attempt_created attempt_dark");
        CHECK(await_result(at.orders.find_order_of(clink_session_id("sess_late"))).has_value());
    }
}

TEST_CASE("attempt store: an attempt that holds its lease is not taken over") {
    recorded_orders at;
    const auto first = at.begin("ORD-1");
    CHECK_FALSE(at.begin_next("ORD-1", first.id));
    const auto order = at.get("ORD-1");
    CHECK(order.sessions.size() == 1);
    CHECK(order.sessions[0].status == session_status::creating);
    CHECK(at.kinds("ORD-1") == "attempt_created");
    CHECK(at.release(first, "sess_1"));
}

TEST_CASE("attempt store: a release records the whole handle, raises the version and writes the event") {
    recorded_orders at;
    const auto attempt = at.begin("ORD-1");
    const auto before = at.get("ORD-1");
    const auto session = at.release(attempt, "sess_1");
    REQUIRE(session);
    const auto handle = make_handle("sess_1");
    CHECK(session->status == session_status::open);
    CHECK(session->payment == payment_status::unpaid);
    CHECK(session->session_id == handle.session_id);
    CHECK(session->url == handle.url);
    CHECK(session->customer_id == handle.customer_id);
    CHECK(session->expire_time == handle.expire_time);
    CHECK(session->current());

    const auto order = at.get("ORD-1");
    CHECK(order.version > before.version);
    REQUIRE(order.find_current() != nullptr);
    CHECK(order.find_current()->id == attempt.id);
    CHECK(order.find_current()->released_at == session->released_at);
    CHECK(order.find_creating() == nullptr);

    const auto events = at.events("ORD-1");
    REQUIRE(events.size() == 2);
    CHECK(events[1].kind == "session_released");
    CHECK(events[1].request_id == "request-1");
    CHECK(events[1].data.find("sess_1") != std::string::npos);
    CHECK(events[1].data.find("answered") != std::string::npos);
    CHECK_MESSAGE(events[1].data.find(*handle.url) == std::string::npos, "an event holds no page token");

    CHECK_FALSE(at.release(attempt, "sess_other"));
    CHECK(at.get("ORD-1").find_current()->session_id == handle.session_id);
}

TEST_CASE("attempt store: a handle without a page is released too") {
    recorded_orders at;
    auto handle = make_handle("sess_1");
    handle.url.reset();
    handle.customer_id.reset();
    handle.expire_time.reset();
    exchange_record nothing_said;
    const auto session =
        await_result(at.attempts.release(at.begin("ORD-1"), handle, std::nullopt, nothing_said));
    REQUIRE(session);
    CHECK(session->current());
    CHECK_FALSE(session->url);
    CHECK_FALSE(session->expire_time);
}

TEST_CASE("attempt store: a release is fenced by generation, cancellation and payment, and writes nothing") {
    recorded_orders at;
    auto attempt = at.begin("ORD-1");
    std::string kinds = "attempt_created";
    SUBCASE("generation") {
        ++attempt.generation;
    }
    SUBCASE("cancelled") {
        const auto order = at.get("ORD-1");
        REQUIRE(await_result(at.settlements.cancel(order.key, order.version, order_state::cancelled, "r")));
        kinds += " order_cancelled";
    }
    SUBCASE("paid, by an attempt that had gone dark") {
        CHECK(at.close(attempt, dark_with("sess_dark")));
        attempt = at.begin_next("ORD-1").value();
        REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_dark", say_paid("sess_dark"))));
        kinds = at.kinds("ORD-1");
    }
    SUBCASE("being paid, by an attempt that had gone dark") {
        CHECK(at.close(attempt, dark_with("sess_dark")));
        attempt = at.begin_next("ORD-1").value();
        REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_dark",
                                               say("sess_dark", clink_session_status::open,
                                                   clink_payment_status::processing))));
        kinds = at.kinds("ORD-1");
    }
    SUBCASE("another order") {
        attempt.order = at.begin("ORD-2").order;
    }
    CHECK_FALSE(at.release(attempt, "sess_1"));
    const auto order = at.get("ORD-1");
    CHECK(attempt_of(order, attempt.id).status == session_status::creating);
    CHECK_FALSE(attempt_of(order, attempt.id).session_id);
    CHECK(order.find_current() == nullptr);
    CHECK(at.kinds("ORD-1") == kinds);
}

TEST_CASE("attempt store: a release races a cancellation: one of them wins, never both") {
    recorded_orders at;
    for (int round = 0; round < 20; ++round) {
        const auto name = "ORD-" + std::to_string(round);
        const auto attempt = at.begin(name);
        const auto seen = at.get(name);
        boost::asio::io_context io{1};
        auto release = boost::asio::co_spawn(
            io,
            at.attempts.release(attempt, make_handle("sess_" + name), std::nullopt, make_exchange("request")),
            boost::asio::use_future);
        auto cancel = boost::asio::co_spawn(
            io, at.settlements.cancel(seen.key, seen.version, order_state::cancelled, "request"),
            boost::asio::use_future);
        io.run();
        const bool was_released = release.get().has_value();
        const bool was_cancelled = cancel.get();
        CHECK(was_released != was_cancelled);
        CHECK((at.get(name).find_current() != nullptr) == was_released);
    }
}

TEST_CASE("attempt store: superseding releases the new session and retires the old one together") {
    recorded_orders at;
    const auto old = at.open_session("ORD-1", "sess_1");
    const auto next = at.begin_next("ORD-1", std::nullopt, old.id).value();
    CHECK(at.get("ORD-1").find_current()->id == old.id);

    REQUIRE(at.release(next, "sess_2", old.id));
    const auto order = at.get("ORD-1");
    CHECK(attempt_of(order, old.id).superseded_at.has_value());
    CHECK(attempt_of(order, old.id).status == session_status::open);
    REQUIRE(order.find_current() != nullptr);
    CHECK(order.find_current()->id == next.id);
    CHECK(at.kinds("ORD-1")
          == "attempt_created session_released attempt_created session_superseded session_released");
}

TEST_CASE("attempt store: a fenced release leaves the session that it would supersede current") {
    recorded_orders at;
    const auto old = at.open_session("ORD-1", "sess_1");
    auto next = at.begin_next("ORD-1", std::nullopt, old.id).value();
    const auto before = at.get("ORD-1");
    std::string session_id = "sess_2";
    SUBCASE("by its generation") {
        ++next.generation;
    }
    SUBCASE("by a session id that is taken") {
        session_id = "sess_1";
    }
    CHECK_FALSE(at.release(next, session_id, old.id));
    const auto order = at.get("ORD-1");
    REQUIRE(order.find_current() != nullptr);
    CHECK(order.find_current()->id == old.id);
    CHECK_FALSE(attempt_of(order, old.id).superseded_at);
    CHECK(order.version == before.version);
    CHECK(at.kinds("ORD-1") == "attempt_created session_released attempt_created");
}

TEST_CASE("attempt store: a second current session is not released without superseding the first") {
    recorded_orders at;
    const auto old = at.open_session("ORD-1", "sess_1");
    const auto next = at.begin_next("ORD-1", std::nullopt, old.id).value();
    CHECK_FALSE(at.release(next, "sess_2"));
    CHECK(at.get("ORD-1").find_current()->id == old.id);
}

TEST_CASE("attempt store: a session id of another attempt is never released twice") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    const auto attempt = at.begin("ORD-2");
    CHECK_FALSE(at.release(attempt, "sess_1"));
    CHECK(attempt_of(at.get("ORD-2"), attempt.id).status == session_status::creating);

    CHECK(at.close(attempt, dark_with("sess_1")));
    const auto order = at.get("ORD-2");
    CHECK(attempt_of(order, attempt.id).status == session_status::dark);
    CHECK_FALSE(attempt_of(order, attempt.id).session_id);
    CHECK(at.kinds("ORD-2") == "attempt_created attempt_dark");
    CHECK(await_result(at.orders.find_order_of(clink_session_id("sess_1")))->id
          == merchant_order_id("ORD-1"));
}
