#include "storage/settlement_store.h"

#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;

namespace {

decimal amount(std::string_view text) {
    return decimal::parse(text).value();
}

/// Everything that is kept, as one text: equal exactly when nothing was written in between.
std::string whole_record(recorded_orders& at) {
    std::string text;
    for (const std::string table : {"orders", "sessions", "payments", "discrepancies", "events"})
        text += at.server.superuser().value("select string_agg(t::text, e'\\n' order by t::text)"
                                            " from checkout."
                                            + table + " t")
                + "\n";
    return text;
}

bool cancel(recorded_orders& at, const std::string& order, std::int64_t version) {
    return await_result(
        at.settlements.cancel(at.get(order).key, version, order_state::cancelled, "request-cancel"));
}

} // namespace

TEST_CASE("settlement store: a payment is written with its session, its order and its events") {
    recorded_orders at;
    const auto opened = at.open_session("ORD-1", "sess_1");
    const auto before = at.get("ORD-1");
    const auto change = at.settle_as("ORD-1", "sess_1", say_paid("sess_1"), evidence::webhook);
    REQUIRE(at.apply("ORD-1", change));

    const auto order = at.get("ORD-1");
    CHECK(order.version == before.version + 1);
    CHECK(order.state == order_state::paid);
    CHECK(order.payment_count == 1);
    const auto& session = order.sessions.at(0);
    CHECK(session.status == session_status::completed);
    CHECK(session.payment == payment_status::paid);
    CHECK(session.settled_by == evidence::webhook);
    CHECK(session.ended_at.has_value());
    CHECK(session.checked_at.has_value());
    CHECK(session.released_at == opened.released_at);
    CHECK_FALSE_MESSAGE(session.url, "the page token goes when the session ends");
    CHECK(order.find_current() == nullptr);

    REQUIRE(order.payments.size() == 1);
    const auto& payment = order.payments[0];
    CHECK(payment.id > 0);
    CHECK(payment.attempt == opened.id);
    CHECK(payment.kind == payment_kind::payment);
    CHECK(payment.order_id == clink_order_id("order_sess_1"));
    CHECK(payment.verdict == amount_verdict::exact);
    CHECK(payment.original == opened.original);
    CHECK(payment.amount_total == amount("49.90"));
    CHECK(payment.amount_subtotal == amount("49.90"));
    CHECK(payment.payment_currency == "USD");
    CHECK(payment.clink_original_currency == "USD");
    CHECK(payment.refunded_amount.is_zero());
    CHECK(payment.found_by == evidence::webhook);

    CHECK(at.kinds("ORD-1") == "attempt_created session_released session_changed payment_recorded");
    const auto events = at.events("ORD-1");
    CHECK(events.back().source == "webhook");
    CHECK(events.back().request_id == "request-settle");
}

TEST_CASE("settlement store: Clink's answer is kept with the settlement's first event") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    CHECK(at.server.service().value("select string_agg(kind, ' ') from checkout.events where data ? 'clink'"
                                    " and kind <> 'session_released'")
          == "session_changed");
}

TEST_CASE("settlement store: a settlement made on an older view writes nothing at all") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    const auto seen = at.get("ORD-1");
    auto change = at.settle_as("ORD-1", "sess_1", say_paid("sess_1"));
    change.discrepancies.push_back({.kind = discrepancy_kind::stuck_unknown,
                                    .subject = "attempt:" + change.attempt.str(),
                                    .attempt = change.attempt,
                                    .detail = {}});
    const auto before = whole_record(at);
    for (const auto version : {seen.version - 1, seen.version + 1})
        CHECK_FALSE(await_result(
            at.settlements.apply(seen.key, version, change, {.clink_body = "", .request_id = "r"})));
    CHECK(whole_record(at) == before);
}

TEST_CASE("settlement store: of settlements made on one view, one is written") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    const auto seen = at.get("ORD-1");
    const auto change = at.settle_as("ORD-1", "sess_1", say_paid("sess_1"));
    std::vector<boost::asio::awaitable<bool>> callers;
    for (int i = 0; i < 12; ++i)
        callers.push_back(
            at.settlements.apply(seen.key, seen.version, change, {.clink_body = "", .request_id = "r"}));
    const auto results = await_all(std::move(callers));
    CHECK(std::ranges::count(results, true) == 1);
    CHECK(at.get("ORD-1").payments.size() == 1);
    CHECK(at.kinds("ORD-1") == "attempt_created session_released session_changed payment_recorded");
}

TEST_CASE("settlement store: a settlement that the schema refuses leaves nothing behind") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    auto change = at.settle_as("ORD-1", "sess_1", say_paid("sess_1"));
    change.events.back().kind = "Not a word";
    const auto before = whole_record(at);
    CHECK_THROWS(at.apply("ORD-1", change));
    CHECK(whole_record(at) == before);
}

TEST_CASE("settlement store: an order of Clink's that is another's payment is shown, not taken") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    at.open_session("ORD-2", "sess_2");
    auto facts = say_paid("sess_2");
    facts.order_id = clink_order_id("order_sess_1");
    REQUIRE(at.apply("ORD-2", at.settle_as("ORD-2", "sess_2", facts)));
    const auto order = at.get("ORD-2");
    CHECK(order.state == order_state::paid);
    REQUIRE(order.payments.size() == 1);
    CHECK_FALSE(order.payments[0].order_id);
    CHECK(at.get("ORD-1").payments.at(0).order_id == clink_order_id("order_sess_1"));
    const auto open = await_result(at.discrepancies.list_open(order.key));
    REQUIRE(open.size() == 1);
    CHECK(open[0].kind == discrepancy_kind::reference_mismatch);

    // Clink names it at every question.
    const auto told = at.kinds("ORD-2");
    REQUIRE(at.apply("ORD-2", at.settle_as("ORD-2", "sess_2", facts)));
    CHECK(at.kinds("ORD-2") == told);
    CHECK_FALSE(at.get("ORD-2").payments.at(0).order_id);
}

TEST_CASE("settlement store: an order id that is taken leaves the settlement's other payments alone") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    at.paid_order("ORD-2", "sess_2");
    const auto seen = at.get("ORD-2");
    settlement change;
    change.attempt = seen.sessions.at(0).id;
    change.state = order_state::overpaid;
    change.payment_count = 2;
    change.known_payments = {seen.payments.at(0)};
    change.known_payments[0].invoice_id = "inv_1";
    change.new_payments = {seen.payments.at(0)};
    change.new_payments[0].order_id = clink_order_id("order_sess_1");
    REQUIRE(at.apply("ORD-2", change));
    const auto order = at.get("ORD-2");
    REQUIRE(order.payments.size() == 2);
    CHECK(order.payments[0].order_id == clink_order_id("order_sess_2"));
    CHECK(order.payments[0].invoice_id == "inv_1");
    CHECK_FALSE(order.payments[1].order_id);
    CHECK(await_result(at.discrepancies.list_open(order.key)).size() == 1);
}

TEST_CASE("settlement store: expiry ends the session, and a later payment is still recorded") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    REQUIRE(at.apply(
        "ORD-1", at.settle_as("ORD-1", "sess_1",
                              say("sess_1", clink_session_status::expired, clink_payment_status::unpaid))));
    const auto expired = at.get("ORD-1").sessions.at(0);
    CHECK(expired.status == session_status::expired);
    CHECK(expired.ended_at.has_value());
    CHECK_FALSE(expired.url);
    CHECK(expired.settled_by == evidence::sweeper);

    REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_1", say_paid("sess_1"), evidence::reconcile)));
    const auto order = at.get("ORD-1");
    CHECK(order.sessions[0].payment == payment_status::paid);
    CHECK(order.sessions[0].ended_at == expired.ended_at);
    CHECK(order.sessions[0].settled_by == evidence::reconcile);
    CHECK(order.payments.size() == 1);
    const auto open = await_result(at.discrepancies.list_open(order.key));
    REQUIRE(open.size() == 1);
    CHECK(open[0].kind == discrepancy_kind::paid_after_expiry);
}

TEST_CASE("settlement store: a page is kept while its session can still be paid") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    REQUIRE(at.apply(
        "ORD-1", at.settle_as("ORD-1", "sess_1",
                              say("sess_1", clink_session_status::open, clink_payment_status::processing))));
    const auto order = at.get("ORD-1");
    CHECK(order.state == order_state::processing);
    REQUIRE(order.find_current() != nullptr);
    CHECK(order.find_current()->url == make_handle("sess_1").url);
    CHECK(order.find_current()->settled_by == evidence::sweeper);
}

TEST_CASE("settlement store: another expiry time is recorded and ends nothing") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    auto facts = say("sess_1", clink_session_status::open, clink_payment_status::unpaid);
    facts.expire_time = parse_rfc3339("2031-01-01T00:00:00Z");
    REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_1", facts)));
    const auto session = at.get("ORD-1").sessions.at(0);
    CHECK(session.expire_time == facts.expire_time);
    CHECK(session.current());
    CHECK(session.url == make_handle("sess_1").url);
}

TEST_CASE("settlement store: what is learned later of a payment completes its row") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    auto facts = say_paid("sess_1");
    facts.order_id.reset();
    facts.amount_total.reset();
    REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_1", facts)));
    const auto first = at.get("ORD-1");
    REQUIRE(first.payments.size() == 1);
    CHECK(first.payments[0].verdict == amount_verdict::unknown);
    CHECK(first.state == order_state::underpaid);

    REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_1", say_paid("sess_1"), evidence::refresh)));
    const auto order = at.get("ORD-1");
    REQUIRE(order.payments.size() == 1);
    CHECK(order.payments[0].id == first.payments[0].id);
    CHECK(order.payments[0].order_id == clink_order_id("order_sess_1"));
    CHECK(order.payments[0].amount_total == amount("49.90"));
    CHECK(order.payments[0].verdict == amount_verdict::exact);
    CHECK(order.payments[0].recorded_at == first.payments[0].recorded_at);
    CHECK(order.payments[0].found_by == evidence::sweeper);
    CHECK(order.state == order_state::paid);
    CHECK(order.payment_count == 1);
}

TEST_CASE("settlement store: amounts come back with every digit that they had") {
    recorded_orders at;
    for (const std::string text : {"0.000000000000000001", "999999999999999", "49.905", "100"}) {
        const auto session = "sess_" + text;
        at.open_session(text, session);
        auto facts = say_paid(session);
        facts.amount_total = amount(text);
        REQUIRE(at.apply(text, at.settle_as(text, session, facts)));
        const auto order = at.get(text);
        REQUIRE(order.payments.at(0).amount_total.has_value());
        CHECK(order.payments[0].amount_total->to_string() == text);
    }
}

TEST_CASE("settlement store: a payment on a dark attempt releases nothing and is shown") {
    recorded_orders at;
    unreleased_end end;
    end.session_id = clink_session_id("sess_dark");
    REQUIRE(at.close(at.begin("ORD-1"), end));
    REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_dark", say_paid("sess_dark"))));
    const auto order = at.get("ORD-1");
    CHECK(order.sessions.at(0).status == session_status::dark);
    CHECK(order.sessions[0].payment == payment_status::paid);
    CHECK_FALSE(order.sessions[0].released());
    CHECK(order.state == order_state::paid);
    const auto open = await_result(at.discrepancies.list_open(order.key));
    REQUIRE(open.size() == 1);
    CHECK(open[0].kind == discrepancy_kind::paid_on_dark_session);
}

TEST_CASE("settlement store: two sessions of one order cannot settle past each other") {
    recorded_orders at;
    const auto old = at.open_session("ORD-1", "sess_1");
    const auto next = at.begin_next("ORD-1", std::nullopt, old.id).value();
    REQUIRE(at.release(next, "sess_2", old.id));
    const auto seen = at.get("ORD-1");
    const settlement_evidence found{.clink_body = "", .request_id = "r"};
    std::vector<boost::asio::awaitable<bool>> callers;
    for (const std::string session : {"sess_1", "sess_2"})
        callers.push_back(at.settlements.apply(seen.key, seen.version,
                                               at.settle_as("ORD-1", session, say_paid(session)), found));
    const auto results = await_all(std::move(callers));
    CHECK(std::ranges::count(results, true) == 1);
    CHECK(at.get("ORD-1").payment_count == 1);

    const std::string loser = results[0] ? "sess_2" : "sess_1";
    REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", loser, say_paid(loser))));
    const auto order = at.get("ORD-1");
    CHECK(order.state == order_state::overpaid);
    CHECK(order.payment_count == 2);
    const auto open = await_result(at.discrepancies.list_open(order.key));
    CHECK(std::ranges::count(open, discrepancy_kind::duplicate_payment, &discrepancy_record::kind) == 1);
    CHECK(std::ranges::count(open, discrepancy_kind::paid_on_superseded, &discrepancy_record::kind) == 1);
}

TEST_CASE("settlement store: a discrepancy found twice is one row and one event") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    auto facts = say("sess_1", clink_session_status::open, clink_payment_status::unpaid);
    facts.merchant_reference_id = "ORD-9";
    for (const bool processing : {true, false}) {
        facts.payment_status = processing ? clink_payment_status::processing : clink_payment_status::unpaid;
        REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_1", facts)));
    }
    CHECK(await_result(at.discrepancies.list_open(at.get("ORD-1").key)).size() == 1);
    CHECK(at.kinds("ORD-1")
          == "attempt_created session_released session_changed discrepancy_opened session_changed");
}

TEST_CASE("settlement store: a check that taught nothing is counted, without event or version") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    const auto before = at.get("ORD-1");
    CHECK_FALSE(before.sessions.at(0).checked_at);
    const auto nothing_new = at.settle_as(
        "ORD-1", "sess_1", say("sess_1", clink_session_status::open, clink_payment_status::unpaid));
    REQUIRE_FALSE(nothing_new.changes());
    for (int i = 0; i < 2; ++i)
        CHECK(await_result(at.settlements.note_check(before.key, nothing_new, "request-check")));
    const auto order = at.get("ORD-1");
    CHECK(order.version == before.version);
    CHECK(order.sessions.at(0).checked_at.has_value());
    CHECK(at.kinds("ORD-1") == "attempt_created session_released");
    CHECK(at.server.service().value("select check_count from checkout.sessions") == "2");

    settlement of_nobody;
    of_nobody.attempt = attempt_id("00000000-0000-7000-8000-000000000000");
    CHECK_FALSE(await_result(at.settlements.note_check(before.key, of_nobody, "request-check")));
}

TEST_CASE("settlement store: a check that showed a discrepancy opens it, once") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    auto facts = say("sess_1", clink_session_status::open, clink_payment_status::unpaid);
    facts.merchant_reference_id = "ORD-9";
    const auto seen = at.settle_as("ORD-1", "sess_1", facts);
    REQUIRE_FALSE(seen.changes());
    const auto key = at.get("ORD-1").key;
    for (int i = 0; i < 2; ++i)
        CHECK(await_result(at.settlements.note_check(key, seen, "request-check")));
    const auto open = await_result(at.discrepancies.list_open(key));
    REQUIRE(open.size() == 1);
    CHECK(open[0].kind == discrepancy_kind::reference_mismatch);
    CHECK(at.kinds("ORD-1") == "attempt_created session_released discrepancy_opened");
}

TEST_CASE("settlement store: a customer who leaves is noted once per attempt, and changes no order") {
    recorded_orders at;
    const auto session = at.open_session("ORD-1", "sess_1");
    const auto before = at.get("ORD-1");
    std::vector<boost::asio::awaitable<bool>> visits;
    for (int i = 0; i < 8; ++i)
        visits.push_back(at.settlements.note_cancel_visit(session.id, "request-visit"));
    const auto results = await_all(std::move(visits));
    CHECK(std::ranges::count(results, true) == 1);
    const auto order = at.get("ORD-1");
    CHECK(order.version == before.version);
    CHECK(order.state == order_state::unpaid);
    REQUIRE(order.find_current() != nullptr);
    CHECK(order.find_current()->cancel_visited_at.has_value());
    CHECK(at.kinds("ORD-1") == "attempt_created session_released customer_left");
}

TEST_CASE("settlement store: an order is cancelled once, on its newest view, and never when it is paid") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    const auto seen = at.get("ORD-1");
    CHECK_FALSE(cancel(at, "ORD-1", seen.version - 1));
    CHECK(at.get("ORD-1").version == seen.version);
    CHECK(cancel(at, "ORD-1", seen.version));
    const auto order = at.get("ORD-1");
    CHECK(order.state == order_state::cancelled);
    CHECK(order.cancelled_at.has_value());
    CHECK(order.version == seen.version + 1);
    CHECK_FALSE(cancel(at, "ORD-1", order.version));
    CHECK(at.kinds("ORD-1") == "attempt_created session_released order_cancelled");
    CHECK(at.events("ORD-1").back().request_id == "request-cancel");

    at.paid_order("ORD-2", "sess_2");
    CHECK_FALSE(cancel(at, "ORD-2", at.get("ORD-2").version));
    CHECK(at.get("ORD-2").state == order_state::paid);
}

TEST_CASE("settlement store: a payment after the cancellation is recorded and shown") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    REQUIRE(cancel(at, "ORD-1", at.get("ORD-1").version));
    REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_1", say_paid("sess_1"))));
    const auto order = at.get("ORD-1");
    CHECK(order.state == order_state::paid);
    CHECK(order.cancelled_at.has_value());
    const auto open = await_result(at.discrepancies.list_open(order.key));
    REQUIRE(open.size() == 1);
    CHECK(open[0].kind == discrepancy_kind::paid_after_cancel);
}
