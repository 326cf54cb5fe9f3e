#include "checkout/question_budget.h"

#include <doctest/doctest.h>

using namespace checkout;
using namespace std::chrono_literals;

TEST_CASE("five questions at once, then one every two seconds, each session for itself") {
    question_budget budget;
    const clink_session_id one("sess_1");
    const question_budget::clock::time_point start{};
    for (int i = 0; i < 5; ++i)
        CHECK(budget.take(one, start));
    CHECK_FALSE(budget.take(one, start));
    CHECK(budget.time_to_next(one, start) == 2000ms);
    CHECK(budget.take(clink_session_id("sess_2"), start));
    CHECK_FALSE(budget.take(one, start + 1999ms));
    CHECK(budget.take(one, start + 2000ms));
    CHECK_FALSE(budget.take(one, start + 2000ms));
    CHECK(budget.time_to_next(clink_session_id("sess_3"), start) == 0ms);
}

TEST_CASE("what is remembered is bounded: a full bucket is forgotten, a flood is refused") {
    question_budget budget;
    const question_budget::clock::time_point start{};
    for (std::size_t i = 0; i < question_budget::max_sessions; ++i)
        REQUIRE(budget.take(clink_session_id("sess_" + std::to_string(i)), start));
    CHECK_FALSE(budget.take(clink_session_id("one_more"), start));
    CHECK(budget.take(clink_session_id("one_more"), start + 1min));
}
