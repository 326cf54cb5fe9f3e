#include "checkout/circuit_breaker.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

constexpr circuit_breaker::clock::time_point start{1h};

/// As many failures as open it, all at once.
circuit_breaker opened(circuit_breaker::clock::time_point now = start) {
    circuit_breaker breaker;
    for (int i = 0; i < circuit_breaker::failures_to_open; ++i)
        breaker.report(false, now);
    return breaker;
}

} // namespace

TEST_CASE("circuit breaker: it permits everything until so many questions in a row fail") {
    circuit_breaker breaker;
    for (int i = 0; i < circuit_breaker::failures_to_open - 1; ++i)
        breaker.report(false, start);
    CHECK(breaker.permits(64, start) == 64);
    breaker.report(true, start);
    breaker.report(false, start);
    CHECK(breaker.is_closed());
    CHECK_FALSE(opened().is_closed());
    CHECK(opened().permits(64, start) == 0);
}

TEST_CASE("circuit breaker: one question finds out, and its answer closes it") {
    auto breaker = opened();
    const auto later = start + circuit_breaker::first_pause;
    CHECK(breaker.permits(64, later - 1ms) == 0);
    CHECK(breaker.permits(64, later) == 1);
    CHECK(breaker.permits(64, later) == 0); // while it is under way
    breaker.report(true, later);
    CHECK(breaker.permits(64, later) == 64);
    CHECK(breaker.reached_lately(later));
}

TEST_CASE("circuit breaker: each failure to find out doubles the pause, up to the longest") {
    auto breaker = opened();
    auto now = start;
    for (auto pause = circuit_breaker::first_pause; pause < 2 * circuit_breaker::longest_pause; pause *= 2) {
        const auto expected = std::min(pause, circuit_breaker::longest_pause);
        CHECK(breaker.permits(1, now + expected - 1ms) == 0);
        now += expected;
        REQUIRE(breaker.permits(1, now) == 1);
        breaker.report(false, now);
    }
}

TEST_CASE("circuit breaker: those that were under way when it opened do not prolong the pause") {
    auto breaker = opened();
    for (int i = 0; i < 56; ++i)
        breaker.report(false, start);
    CHECK(breaker.permits(1, start + circuit_breaker::first_pause) == 1);
}

TEST_CASE("circuit breaker: what was under way and asks nothing changes nothing") {
    circuit_breaker breaker;
    breaker.skip(start);
    CHECK(breaker.permits(64, start) == 64);
    breaker = opened();
    breaker.skip(start + circuit_breaker::first_pause - 1ms);
    CHECK(breaker.permits(64, start + circuit_breaker::first_pause) == 1);
}

TEST_CASE("circuit breaker: room for none is no try, and nothing to ask is tried again soon") {
    auto breaker = opened();
    auto now = start + circuit_breaker::first_pause;
    CHECK(breaker.permits(0, now) == 0);
    for (int i = 0; i < 10; ++i) {
        REQUIRE(breaker.permits(1, now) == 1);
        breaker.skip(now);
        CHECK(breaker.permits(1, now) == 0);
        now += circuit_breaker::first_pause;
    }
}
