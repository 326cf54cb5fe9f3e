// How attempts end that are not released.
#include "storage/attempt_store.h"

#include "support/recorded_orders.h"

#include <doctest/doctest.h>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

TEST_CASE("attempt end: an exchange that comes after its attempt's end has its event, once") {
    recorded_orders at;
    const auto attempt = at.begin("ORD-1", -1ms);
    REQUIRE(await_result(at.attempts.lapse(attempt.order, attempt.id)));
    for (const auto& end : {dark_with(std::nullopt), refused_as("late"), dark_with(std::nullopt)})
        CHECK_FALSE(at.close(attempt, end));
    CHECK(at.kinds("ORD-1") == "attempt_created attempt_dark attempt_answered_late");
    CHECK(attempt_of(at.get("ORD-1"), attempt.id).status == session_status::dark);
    CHECK(at.events("ORD-1").back().data.find("outcome") != std::string::npos);
}

TEST_CASE("attempt end: a refused attempt keeps Clink's reason and frees the order") {
    recorded_orders at;
    const auto attempt = at.begin("ORD-1");
    CHECK(at.close(attempt, refused_as("customer_not_found")));
    const auto order = at.get("ORD-1");
    const auto& refused = attempt_of(order, attempt.id);
    CHECK(refused.status == session_status::refused);
    CHECK(refused.refusal_code == "customer_not_found");
    CHECK(refused.refusal_message == "no");
    CHECK_FALSE(refused.released());
    CHECK(at.kinds("ORD-1") == "attempt_created attempt_refused");
    CHECK_FALSE(at.close(attempt, refused_as("again")));
    CHECK(at.begin_next("ORD-1"));
}

TEST_CASE("attempt end: a dark attempt keeps the id that Clink named") {
    recorded_orders at;
    const auto attempt = at.begin("ORD-1");
    CHECK(at.close(attempt, dark_with("sess_1")));
    const auto order = at.get("ORD-1");
    CHECK(attempt_of(order, attempt.id).status == session_status::dark);
    CHECK(attempt_of(order, attempt.id).session_id == clink_session_id("sess_1"));
    CHECK_FALSE(attempt_of(order, attempt.id).released());
    CHECK_FALSE(attempt_of(order, attempt.id).url);
}

TEST_CASE("attempt end: a released session cannot be closed") {
    recorded_orders at;
    const auto attempt = at.begin("ORD-1");
    REQUIRE(at.release(attempt, "sess_1"));
    CHECK_FALSE(at.close(attempt, dark_with("sess_2")));
    CHECK_FALSE(at.close(attempt, refused_as("late")));
    CHECK(at.get("ORD-1").find_current()->session_id == clink_session_id("sess_1"));
    CHECK(at.kinds("ORD-1") == "attempt_created session_released");
}

TEST_CASE("attempt end: a discrepancy is opened with the end, once, and with an event of its own") {
    recorded_orders at;
    const auto attempt = at.begin("ORD-1");
    auto end = dark_with("sess_1");
    end.discrepancy = discrepancy_draft{.kind = discrepancy_kind::amount_mismatch,
                                        .subject = "attempt:" + attempt.id.str(),
                                        .attempt = attempt.id,
                                        .detail = {{"asked", "49.9"}, {"echoed", "4990"}}};
    CHECK(at.close(attempt, end));
    CHECK_FALSE(at.close(attempt, end));

    const auto open = await_result(at.discrepancies.list_open(attempt.order));
    REQUIRE(open.size() == 1);
    CHECK(open[0].kind == discrepancy_kind::amount_mismatch);
    CHECK(open[0].detail
          == std::vector<std::pair<std::string, std::string>>{{"asked", "49.9"}, {"echoed", "4990"}});
    CHECK(at.kinds("ORD-1") == "attempt_created attempt_dark discrepancy_opened");
}
