#include "order_builder.h"

#include "domain/check_schedule.h"

#include <doctest/doctest.h>

#include <vector>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

const check_policy usual{.offsets = {5s, 15s, 30s, 60s, 120s, 300s}, .dark_watch = 72h};

/// Released at noon, without an expiry of its own.
session_record released(session_status status = session_status::open,
                        payment_status payment = payment_status::unpaid) {
    auto session = order_builder().attempt(status, payment).get().sessions[0];
    session.released_at = noon;
    session.expire_time.reset();
    session.ended_at.reset();
    return session;
}

session_record unreleased(session_status status) {
    auto session = order_builder().attempt(status).get().sessions[0];
    session.created_at = noon;
    return session;
}

session_record ended(instant at) {
    auto session = released(session_status::completed, payment_status::paid);
    session.ended_at = at;
    return session;
}

std::optional<instant> next_of(const session_record& session, instant now,
                               const check_policy& policy = usual) {
    return find_next_check(session, true, now, policy);
}

/// The times after noon at which a sweeper that is always on time asks, at most `limit` of them.
std::vector<std::chrono::seconds> follow(const session_record& session, int limit, bool payments_known = true,
                                         const check_policy& policy = usual) {
    std::vector<std::chrono::seconds> asked;
    instant now = noon;
    while (static_cast<int>(asked.size()) < limit) {
        const auto next = find_next_check(session, payments_known, now, policy);
        if (!next)
            break;
        REQUIRE(*next > now);
        now = *next;
        asked.push_back(std::chrono::duration_cast<std::chrono::seconds>(now - noon));
    }
    return asked;
}

using times = std::vector<std::chrono::seconds>;

} // namespace

TEST_CASE("a released session is asked about by the offsets from its release, then every last one") {
    CHECK(follow(released(), 9) == times{5s, 15s, 30s, 60s, 120s, 300s, 600s, 900s, 1200s});
    const check_policy single{.offsets = {7s}, .dark_watch = 72h};
    CHECK(follow(released(), 3, true, single) == times{7s, 14s, 21s});
}

TEST_CASE("what was missed is not made up for: the next time is the first that is still to come") {
    CHECK(next_of(released(), noon + 31s) == noon + 60s);
    CHECK(next_of(released(), noon + 999s) == noon + 1200s);
    CHECK(next_of(released(), noon + 29s + 999999us) == noon + 30s);
    CHECK(next_of(released(), noon + 240h) == noon + 240h + 300s);
}

TEST_CASE("a clock that is behind the release asks at the first offset") {
    CHECK(next_of(released(), noon - 1min) == noon + 5s);
}

TEST_CASE("a session is asked about soon after its expiry, and on after it until Clink says that it ended") {
    auto session = released();
    session.expire_time = noon + 610s;
    const auto asked = follow(session, 10);
    REQUIRE(asked.size() == 10);
    CHECK(times(asked.begin() + 6, asked.end()) == times{600s, 615s, 900s, 1200s});
    CHECK(next_of(session, noon + 612s) == noon + 615s);
}

TEST_CASE("an expiry between two offsets delays neither") {
    auto session = released();
    session.expire_time = noon + 20s;
    CHECK(follow(session, 5) == times{5s, 15s, 25s, 30s, 60s});
}

TEST_CASE(
    "whatever has not ended is watched: superseded, processing, completed without a payment, expired and "
    "processing") {
    auto superseded = released();
    superseded.superseded_at = noon;
    for (const auto& session : {superseded, released(session_status::open, payment_status::processing),
                                released(session_status::completed, payment_status::processing),
                                released(session_status::completed, payment_status::unpaid),
                                released(session_status::expired, payment_status::processing)})
        CHECK(next_of(session, noon + 48h) == noon + 48h + 300s);
}

TEST_CASE("after its end a session is asked about five more times, then never") {
    CHECK(follow(ended(noon), 10) == times{1min, 10min, 1h, 6h, 24h});
    CHECK(next_of(ended(noon), noon + 24h) == std::nullopt);
    CHECK(next_of(ended(noon), noon + 24h - 1us) == noon + 24h);
    CHECK(next_of(ended(noon - 30min), noon) == noon + 30min);
}

TEST_CASE("while something of its payment is unknown an ended session is asked about more often, and never "
          "given up") {
    CHECK(follow(ended(noon), 8, false) == times{5s, 15s, 30s, 1min, 2min, 5min, 10min, 15min});
    for (const auto age : {24h, 25h, 24h * 365}) {
        const auto next = find_next_check(ended(noon), false, noon + age, usual);
        REQUIRE(next);
        CHECK(*next >= noon + age + 1h);
        CHECK(*next <= noon + age + 2h);
    }
}

TEST_CASE("while a payment may be on its way a session is never given up, ended or never released") {
    auto expired = ended(noon);
    expired.status = session_status::expired;
    expired.payment = payment_status::processing;
    auto dark = unreleased(session_status::dark);
    dark.payment = payment_status::processing;
    for (const auto& session : {expired, dark})
        for (const auto age : {2h, 24h, 72h, 24h * 365}) {
            const auto next = next_of(session, noon + age);
            REQUIRE(next);
            CHECK(*next > noon + age);
            CHECK(*next <= noon + age + 1h);
        }
    CHECK(next_of(expired, noon) == noon + 1min);
}

TEST_CASE("an attempt that was never released is looked for by the offsets, then ever more rarely, for the "
          "dark watch") {
    for (const auto status : {session_status::dark, session_status::refused}) {
        const auto asked = follow(unreleased(status), 1000);
        REQUIRE(asked.size() > 10);
        CHECK(asked.size() < 200);
        CHECK(times(asked.begin(), asked.begin() + 6) == times{5s, 15s, 30s, 60s, 120s, 300s});
        for (std::size_t each = 7; each < asked.size(); ++each) {
            CHECK(asked[each] - asked[each - 1] >= asked[each - 1] - asked[each - 2]);
            CHECK(asked[each] - asked[each - 1] <= 1h);
        }
        CHECK(asked.back() <= 72h);
        CHECK(asked.back() > 71h - 1s);
    }
}

TEST_CASE("the dark watch is the setting's") {
    const check_policy short_watch{.offsets = usual.offsets, .dark_watch = 1h};
    const auto asked = follow(unreleased(session_status::dark), 1000, true, short_watch);
    CHECK(asked.back() <= 1h);
    CHECK(asked.back() > 50min);
    const check_policy none{.offsets = usual.offsets, .dark_watch = 0h};
    CHECK(next_of(unreleased(session_status::dark), noon, none) == std::nullopt);
    CHECK(next_of(unreleased(session_status::dark), noon + 72h) == std::nullopt);
}

TEST_CASE("an attempt with a payment of which something is unknown is looked for past the dark watch") {
    const auto next = find_next_check(unreleased(session_status::dark), false, noon + 100h, usual);
    REQUIRE(next);
    CHECK(*next <= noon + 102h);
}

TEST_CASE("an attempt that is being created is looked at again soon") {
    const auto next = next_of(unreleased(session_status::creating), noon);
    REQUIRE(next);
    CHECK(*next > noon);
    CHECK(*next <= noon + 20s);
}

TEST_CASE(
    "what Clink did not answer is asked again soon, then ever more rarely, at the last offset at most") {
    CHECK(find_retry(0, noon, usual) == noon + 5s);
    CHECK(find_retry(1, noon, usual) == noon + 10s);
    CHECK(find_retry(3, noon, usual) == noon + 40s);
    CHECK(find_retry(6, noon, usual) == noon + 300s);
    CHECK(find_retry(1'000'000'000, noon, usual) == noon + 300s);
    CHECK(find_retry(-1, noon, usual) == noon + 5s);
    const check_policy eager{.offsets = {1s}, .dark_watch = 72h};
    CHECK(find_retry(4, noon, eager) == noon + 5s);
}

TEST_CASE("a session is stuck an hour after its expiry if Clink has not answered since") {
    auto session = released();
    session.expire_time = noon;
    CHECK_FALSE(is_stuck(session, noon + 1h - 1us));
    CHECK(is_stuck(session, noon + 1h));
    session.checked_at = noon - 1us;
    CHECK(is_stuck(session, noon + 1h));
    session.checked_at = noon;
    CHECK_FALSE(is_stuck(session, noon + 240h));
    session.checked_at.reset();
    CHECK_FALSE(is_stuck(session, noon + 6h - 1us, stuck_in_outage_after));
    CHECK(is_stuck(session, noon + 6h, stuck_in_outage_after));
}

TEST_CASE("without a known expiry a session is stuck an hour after its first day") {
    CHECK_FALSE(is_stuck(released(), noon + 24h));
    CHECK(is_stuck(released(), noon + 25h));
}

TEST_CASE("what ended, and what was never released, is not stuck") {
    CHECK_FALSE(is_stuck(ended(noon), noon + 240h));
    for (const auto status : {session_status::creating, session_status::dark, session_status::refused}) {
        auto session = unreleased(status);
        session.expire_time = noon;
        CHECK_FALSE(is_stuck(session, noon + 240h));
    }
}

TEST_CASE("a superseded session can be stuck, too") {
    auto session = released();
    session.superseded_at = noon;
    session.expire_time = noon;
    CHECK(is_stuck(session, noon + 1h));
}

TEST_CASE("a refund is asked about until it is final and complete") {
    for (const auto status : {refund_status::success, refund_status::failed, refund_status::closed})
        CHECK(find_next_refund_check(status, true, noon, noon + 1s, usual) == std::nullopt);
    for (const auto status : {refund_status::created, refund_status::refunding, refund_status::received,
                              refund_status::unknown}) {
        CHECK(find_next_refund_check(status, true, noon, noon, usual) == noon + 10s);
        CHECK(find_next_refund_check(status, true, noon, noon + 4h, usual) == noon + 5h);
        CHECK(find_next_refund_check(status, true, noon, noon + 20 * 24h, usual) == noon + 20 * 24h + 6h);
        CHECK(find_next_refund_check(status, true, noon, noon + 30 * 24h, usual) == std::nullopt);
    }
}

TEST_CASE("a final refund of an unknown payment or amount is asked about for the dark watch") {
    CHECK(find_next_refund_check(refund_status::success, false, noon, noon, usual) == noon + 10s);
    CHECK(find_next_refund_check(refund_status::success, false, noon, noon + 65h, usual) == noon + 71h);
    CHECK(find_next_refund_check(refund_status::success, false, noon, noon + 72h, usual) == std::nullopt);
    CHECK(find_next_refund_check(refund_status::created, false, noon, noon + 96h, usual) == noon + 102h);
}

TEST_CASE("a webhook that is not explained is looked at again ever more rarely, for the dark watch") {
    CHECK(find_next_webhook_try(noon, noon, usual) == noon + 1s);
    CHECK(find_next_webhook_try(noon, noon + 1min, usual) == noon + 90s);
    CHECK(find_next_webhook_try(noon, noon + 48h, usual) == noon + 49h);
    CHECK(find_next_webhook_try(noon, noon + 71h, usual) == noon + 72h);
    CHECK(find_next_webhook_try(noon, noon + 72h, usual) == std::nullopt);
}
