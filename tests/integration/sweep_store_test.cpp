#include "storage/sweep_store.h"

#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

/// "ORD-1", and so on, as claimed.
std::vector<std::string> orders_of(const std::vector<due_session>& claimed) {
    std::vector<std::string> ids;
    for (const auto& due : claimed)
        ids.push_back(due.order_id.str());
    std::ranges::sort(ids);
    return ids;
}

constexpr std::chrono::seconds late = 1h;

std::vector<std::string> claim(recorded_orders& at, int limit, std::chrono::seconds lease = 60s) {
    return orders_of(await_result(at.sweeps.claim(limit, lease, late)));
}

std::vector<std::string> claim_leases(recorded_orders& at, int limit, std::chrono::seconds lease = 60s) {
    return orders_of(await_result(at.sweeps.claim_leases(limit, lease)));
}

/// Sets columns of the order's newest attempt.
void set(recorded_orders& at, const std::string& order, const std::string& assignments) {
    at.server.superuser().value(
        "update checkout.sessions set " + assignments
        + " where (order_id, attempt) = (select order_id, last_attempt from checkout.orders"
          " where merchant_order_id = '"
        + order + "')");
}

void make_due(recorded_orders& at) {
    at.server.superuser().value("update checkout.sessions set next_check_at = now() - interval '1 second'");
}

/// Of the order's newest attempt.
std::string column(recorded_orders& at, const std::string& order, const std::string& expression) {
    return at.server.superuser().value(
        "select (" + expression
        + ")::text from checkout.sessions s join checkout.orders o on o.order_id = s.order_id and"
          " o.last_attempt = s.attempt where merchant_order_id = '"
        + order + "'");
}

unreleased_end refused() {
    return {.status = session_status::refused,
            .refusal_code = "400",
            .refusal_message = {},
            .session_id = {},
            .discrepancy = {}};
}

instant in_an_hour() {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()) + 1h;
}

} // namespace

TEST_CASE("sweep store: what is due is claimed with what is needed to ask about it, and nothing else is") {
    recorded_orders at;
    const auto opened = at.open_session("OPEN", "sess_1");
    at.close(at.begin("DARK"), dark());
    at.close(at.begin("REFUSED"), refused());
    at.begin("CREATING");
    at.open_session("LATER", "sess_2");
    at.open_session("NEVER", "sess_3");
    CHECK_MESSAGE(claim(at, 10).empty(), "nothing is due the moment that it is made");
    make_due(at);
    set(at, "LATER", "next_check_at = now() + interval '1 minute'");
    set(at, "NEVER", "next_check_at = null");

    const auto claimed = await_result(at.sweeps.claim(10, 60s, late));
    CHECK(orders_of(claimed) == std::vector<std::string>{"DARK", "OPEN", "REFUSED"});
    for (const auto& due : claimed) {
        CHECK(due.order == at.get(due.order_id.str()).key);
        CHECK(to_string(due.status) == column(at, due.order_id.str(), "status"));
    }
    const auto open = std::ranges::find(claimed, session_status::open, &due_session::status);
    CHECK(open->session_id == clink_session_id("sess_1"));
    CHECK(open->attempt == opened.id);
    CHECK_FALSE(std::ranges::find(claimed, session_status::dark, &due_session::status)->session_id);
}

TEST_CASE("sweep store: never asked comes first, then the nearest expiry, then what has none") {
    recorded_orders at;
    at.open_session("ASKED-SOON", "sess_1");
    at.open_session("ASKED-LATE", "sess_2");
    at.open_session("NEW-LATE", "sess_3");
    at.open_session("NEW-SOON", "sess_4");
    at.open_session("ASKED-NONE", "sess_5");
    make_due(at);
    for (const std::string order : {"ASKED-SOON", "ASKED-LATE", "ASKED-NONE"})
        set(at, order, "checked_at = now()");
    for (const std::string order : {"ASKED-SOON", "NEW-SOON"})
        set(at, order, "expire_time = now() + interval '1 minute'");
    for (const std::string order : {"ASKED-LATE", "NEW-LATE"})
        set(at, order, "expire_time = now() + interval '1 hour'");
    set(at, "ASKED-NONE", "expire_time = null");
    for (const std::string order : {"NEW-SOON", "NEW-LATE", "ASKED-SOON", "ASKED-LATE", "ASKED-NONE"})
        CHECK(claim(at, 1) == std::vector<std::string>{order});
    CHECK(claim(at, 1).empty());
}

TEST_CASE(
    "sweep store: what Clink answers nothing about comes after all that it may answer, however late it is") {
    recorded_orders at;
    at.open_session("SILENT", "sess_1");
    at.open_session("ASKED", "sess_2");
    at.open_session("ONCE", "sess_3");
    make_due(at);
    set(at, "SILENT",
        "failed_checks = 3, next_check_at = now() - interval '2 hours', expire_time = now() - interval '1 "
        "day'");
    set(at, "ASKED", "checked_at = now()");
    set(at, "ONCE", "failed_checks = 2");
    for (const std::string order : {"ONCE", "ASKED", "SILENT"})
        CHECK(claim(at, 1) == std::vector<std::string>{order});
}

TEST_CASE("sweep store: a claim is a lease: not due before it is over, due again after that") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    make_due(at);
    CHECK(claim(at, 10, 0s).size() == 1);
    CHECK(claim(at, 10, 3600s).size() == 1);
    CHECK(column(at, "ORD-1", "next_check_at > now() + interval '59 minutes'") == "true");
    CHECK(claim(at, 10).empty());
}

TEST_CASE("sweep store: a claim that is given back is due at once, and what is not to be asked stays so") {
    recorded_orders at;
    const auto session = at.open_session("ORD-1", "sess_1");
    make_due(at);
    CHECK(claim(at, 10).size() == 1);
    CHECK(claim(at, 10).empty());
    CHECK(await_result(at.sweeps.give_back(session.id)));
    CHECK(claim(at, 10).size() == 1);
    set(at, "ORD-1", "next_check_at = null");
    CHECK_FALSE(await_result(at.sweeps.give_back(session.id)));
    CHECK(column(at, "ORD-1", "next_check_at is null") == "true");
}

TEST_CASE("sweep store: what should have been asked about long ago goes with what was never asked") {
    recorded_orders at;
    at.open_session("NEW", "sess_1");
    at.open_session("LATE", "sess_2");
    at.open_session("ASKED", "sess_3");
    make_due(at);
    for (const std::string order : {"LATE", "ASKED"})
        set(at, order, "checked_at = now()");
    set(at, "NEW", "expire_time = now() + interval '3 minutes'");
    set(at, "LATE", "expire_time = now() + interval '2 minutes', next_check_at = now() - interval '2 hours'");
    set(at, "ASKED", "expire_time = now() + interval '1 minute'");
    for (const std::string order : {"LATE", "NEW", "ASKED"})
        CHECK(claim(at, 1) == std::vector<std::string>{order});
}

TEST_CASE("sweep store: attempts whose lease ran out are claimed apart, those that hold theirs are not") {
    recorded_orders at;
    at.begin("HELD");
    const auto lapsed = at.begin("LAPSED", -1ms);
    at.open_session("OPEN", "sess_1");
    make_due(at);
    const auto claimed = await_result(at.sweeps.claim_leases(10, 60s));
    REQUIRE(claimed.size() == 1);
    CHECK(claimed[0].order_id == merchant_order_id("LAPSED"));
    CHECK(claimed[0].order == lapsed.order);
    CHECK(claimed[0].attempt == lapsed.id);
    CHECK(claimed[0].status == session_status::creating);
    CHECK_MESSAGE(claim_leases(at, 10).empty(), "a claim is a lease");
    make_due(at);
    CHECK(claim_leases(at, 10, 0s) == std::vector<std::string>{"LAPSED"});
    CHECK(claim_leases(at, 10) == std::vector<std::string>{"LAPSED"});
    REQUIRE(await_result(at.attempts.lapse(lapsed.order, lapsed.id)));
    make_due(at);
    CHECK(claim_leases(at, 10).empty());
    CHECK(claim(at, 10) == std::vector<std::string>{"LAPSED", "OPEN"});
}

TEST_CASE("sweep store: a lease that ran out is claimed by one, skipping what others hold") {
    recorded_orders at;
    for (const std::string order : {"ORD-1", "ORD-2", "ORD-3"})
        at.begin(order, -1ms);
    make_due(at);
    REQUIRE(at.server.superuser()
                .run("begin; select 1 from checkout.sessions s join checkout.orders using (order_id)"
                     " where merchant_order_id = 'ORD-1' for update of s")
                .done());
    CHECK(claim_leases(at, 1).size() == 1);
    CHECK(claim_leases(at, 10).size() == 1);
    REQUIRE(at.server.superuser().run("commit").done());
    CHECK(claim_leases(at, 10) == std::vector<std::string>{"ORD-1"});
}

TEST_CASE("sweep store: a claim skips what somebody else holds at this moment, and does not wait") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    at.open_session("ORD-2", "sess_2");
    make_due(at);
    REQUIRE(at.server.superuser()
                .run("begin; select 1 from checkout.sessions where clink_session_id = 'sess_1' for update")
                .done());
    CHECK(claim(at, 10) == std::vector<std::string>{"ORD-2"});
    REQUIRE(at.server.superuser().run("commit").done());
    CHECK(claim(at, 10) == std::vector<std::string>{"ORD-1"});
}

TEST_CASE("sweep store: a claim waits for nobody who decides about the order") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    make_due(at);
    REQUIRE(at.server.superuser().run("begin; select 1 from checkout.orders for no key update").done());
    CHECK(claim(at, 10) == std::vector<std::string>{"ORD-1"});
    REQUIRE(at.server.superuser().run("commit").done());
}

TEST_CASE("sweep store: claimers at the same time share what is due without overlap") {
    recorded_orders at;
    constexpr int sessions = 40;
    for (int i = 0; i < sessions; ++i)
        at.open_session("ORD-" + std::to_string(i), "sess_" + std::to_string(i));
    make_due(at);
    std::multiset<std::string> claimed;
    for (int round = 0; round < 3; ++round) {
        std::vector<boost::asio::awaitable<std::vector<due_session>>> claimers;
        for (int i = 0; i < 8; ++i)
            claimers.push_back(at.sweeps.claim(10, 60s, late));
        for (const auto& share : await_all(std::move(claimers)))
            for (const auto& order : orders_of(share))
                claimed.insert(order);
    }
    CHECK(claimed.size() == sessions);
    CHECK(std::set<std::string>(claimed.begin(), claimed.end()).size() == sessions);
}

TEST_CASE("sweep store: an unanswered question is counted and asked again, unless nothing is to be asked") {
    recorded_orders at;
    const auto session = at.open_session("ORD-1", "sess_1");
    const auto before = at.get("ORD-1");
    const auto next = in_an_hour();
    for (int failed = 1; failed <= 2; ++failed) {
        CHECK(await_result(at.sweeps.note_failure(session.id, next)));
        const auto noted = at.get("ORD-1").sessions.at(0);
        CHECK(noted.failed_checks == failed);
        CHECK(noted.next_check_at == next);
        CHECK_FALSE_MESSAGE(noted.checked_at, "Clink did not answer");
    }
    CHECK(at.get("ORD-1").version == before.version);
    CHECK(at.kinds("ORD-1") == "attempt_created session_released");

    set(at, "ORD-1", "next_check_at = null");
    CHECK_FALSE(await_result(at.sweeps.note_failure(session.id, next)));
    CHECK_FALSE(at.get("ORD-1").sessions.at(0).next_check_at);
    CHECK_FALSE(
        await_result(at.sweeps.note_failure(attempt_id("00000000-0000-7000-8000-000000000000"), next)));
}

TEST_CASE("sweep store: an answer ends a row of unanswered questions") {
    recorded_orders at;
    const auto session = at.open_session("ORD-1", "sess_1");
    REQUIRE(await_result(at.sweeps.note_failure(session.id, in_an_hour())));
    auto nothing_new = at.settle_as("ORD-1", "sess_1",
                                    say("sess_1", clink_session_status::open, clink_payment_status::unpaid));
    nothing_new.next_check = in_an_hour() + 1h;
    REQUIRE(await_result(at.settlements.note_check(at.get("ORD-1").key, nothing_new, "r")));
    const auto asked = at.get("ORD-1").sessions.at(0);
    CHECK(asked.failed_checks == 0);
    CHECK(asked.checked_at.has_value());
    CHECK(asked.next_check_at == nothing_new.next_check);
}

TEST_CASE("sweep store: a search is noted on what it was for, and plans the next or none") {
    recorded_orders at;
    const auto first = at.begin("ORD-1");
    at.close(first, dark());
    const auto second = at.begin_next("ORD-1").value();
    at.close(second, refused());
    const auto third = at.begin_next("ORD-1").value();
    REQUIRE(at.release(third, "sess_3"));
    const auto before = at.get("ORD-1");
    const auto next = in_an_hour();
    REQUIRE(await_result(at.sweeps.note_failure(first.id, next)));
    CHECK(await_result(
        at.sweeps.note_search({{first.id, next}, {second.id, std::nullopt}, {third.id, std::nullopt}})));
    const auto order = at.get("ORD-1");
    CHECK(order.sessions.at(0).next_check_at == next);
    CHECK(order.sessions[0].failed_checks == 0);
    CHECK(order.sessions[0].checked_at.has_value());
    CHECK_FALSE(order.sessions.at(1).next_check_at);
    CHECK_MESSAGE(order.sessions.at(2).next_check_at == before.sessions.at(2).next_check_at,
                  "a released session is asked about, not searched for");
    CHECK_FALSE(order.sessions[2].checked_at);
    CHECK(order.version == before.version);
}

TEST_CASE("sweep store: an attempt under way is not taken for searched") {
    recorded_orders at;
    const auto attempt = at.begin("ORD-1");
    REQUIRE(await_result(at.sweeps.note_search({{attempt.id, std::nullopt}})));
    CHECK(at.get("ORD-1").sessions.at(0).next_check_at.has_value());
}

TEST_CASE("sweep store: a silence becomes a discrepancy once, ends with an answer, and can begin anew") {
    recorded_orders at;
    const auto session = at.open_session("ORD-1", "sess_1");
    const auto key = at.get("ORD-1").key;
    CHECK(await_result(at.sweeps.mark_stuck(key, session.id)));
    CHECK_FALSE(await_result(at.sweeps.mark_stuck(key, session.id)));
    CHECK(at.get("ORD-1").sessions.at(0).stuck_at.has_value());
    const auto stuck = at.discrepancy(discrepancy_kind::stuck_unknown);
    CHECK(stuck.order_id == merchant_order_id("ORD-1"));
    CHECK(stuck.attempt == 1);
    CHECK(stuck.session_id == clink_session_id("sess_1"));
    CHECK(at.events("ORD-1").back().kind == "discrepancy_opened");
    CHECK(at.events("ORD-1").back().source == "sweeper");

    REQUIRE(at.apply(
        "ORD-1", at.settle_as("ORD-1", "sess_1",
                              say("sess_1", clink_session_status::expired, clink_payment_status::unpaid))));
    CHECK_FALSE(at.get("ORD-1").sessions.at(0).stuck_at);
    CHECK(at.discrepancy(discrepancy_kind::stuck_unknown, "resolved").found.id == stuck.found.id);

    CHECK(await_result(at.sweeps.mark_stuck(key, session.id)));
    CHECK(at.discrepancy(discrepancy_kind::stuck_unknown).found.id == stuck.found.id);
    CHECK(at.count_discrepancies() == 1);
}

TEST_CASE("sweep store: of many that mark one silence at once, one opens it") {
    recorded_orders at;
    const auto session = at.open_session("ORD-1", "sess_1");
    const auto key = at.get("ORD-1").key;
    std::vector<boost::asio::awaitable<bool>> sweepers;
    for (int i = 0; i < 8; ++i)
        sweepers.push_back(at.sweeps.mark_stuck(key, session.id));
    const auto results = await_all(std::move(sweepers));
    CHECK(std::ranges::count(results, true) == 1);
    CHECK(at.count_discrepancies() == 1);
    CHECK(at.kinds("ORD-1") == "attempt_created session_released discrepancy_opened");
}
