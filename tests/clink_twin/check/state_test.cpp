// What paying, failing, waiting, expiring and refunding do to sessions and orders, and which events they
// tell.
#include "state.h"

#include <doctest/doctest.h>

#include <chrono>

using namespace clink_twin;

namespace {

constexpr instant start{std::chrono::seconds(1'795'000'000)};

struct fixture {
    twin_settings settings;
    std::vector<std::string> told;
    std::vector<std::string> order_states;
    twin_state state{settings, [this](std::vector<event> events) {
                         for (auto& each : events)
                             told.push_back(each.type);
                     }};

    fixture() { settings.promotions = usual_promotions(); }

    const session& make(const char* amount = "49.90", const char* currency = "USD") {
        session_terms terms;
        terms.original_amount = *decimal::parse(amount);
        terms.original_currency = currency;
        terms.who.email = "ada@example.com";
        terms.merchant_reference_id = "order-1";
        terms.allow_promotion_codes = true;
        return **state.create_session(terms, "{}", start);
    }

    std::vector<std::string> take_told() { return std::exchange(told, {}); }
};

using names = std::vector<std::string>;

std::string refusal_of(const outcome<const order*>& result) {
    return result ? "" : result.error().message;
}

} // namespace

TEST_CASE_FIXTURE(fixture, "paying completes the session and makes its order") {
    auto& of = make();
    auto paid = state.pay(of.id, {}, start);
    REQUIRE(paid.has_value());
    CHECK(of.status == session_status::completed);
    CHECK(of.payment == payment_status::paid);
    CHECK(of.order_id == (*paid)->id);
    CHECK((*paid)->status == order_status::success);
    CHECK((*paid)->amount_total.to_string(2) == "49.90");
    CHECK(take_told() == names{"order.created", "order.succeeded", "session.complete"});
    CHECK(refusal_of(state.pay(of.id, {}, start)) == "SESSION_COMPLETED");
    CHECK(take_told().empty());
}

TEST_CASE_FIXTURE(fixture, "a failed attempt leaves the session open for another") {
    auto& of = make();
    REQUIRE(state.fail(of.id, {}, start).has_value());
    CHECK(of.status == session_status::open);
    CHECK(of.payment == payment_status::unpaid);
    CHECK(take_told() == names{"order.created", "order.failed"});
    REQUIRE(state.pay(of.id, {}, start).has_value());
    auto orders = state.find_orders_of_session(of);
    REQUIRE(orders.size() == 2);
    CHECK(orders[0]->status == order_status::failed);
    CHECK(orders[0]->failure_code == "card_declined");
    CHECK(orders[1]->status == order_status::success);
}

TEST_CASE_FIXTURE(fixture, "two sessions of one reference can both be paid") {
    auto& first = make();
    auto& second = make();
    CHECK(first.customer_id == second.customer_id);
    CHECK(state.pay(first.id, {}, start).has_value());
    CHECK(state.pay(second.id, {}, start).has_value());
    CHECK(state.find_orders({"order-1", "", ""}).size() == 2);
}

TEST_CASE_FIXTURE(fixture, "a payment under way outlives expiry and can still succeed") {
    auto& of = make();
    payment_choice choice;
    choice.waiting = order_status::requires_action;
    REQUIRE(state.process(of.id, choice, start).has_value());
    CHECK(of.status == session_status::open);
    CHECK(of.payment == payment_status::processing);
    CHECK(take_told() == names{"order.created", "order.next_action"});
    CHECK(refusal_of(state.pay(of.id, {}, start)) == "PAYMENT_PROCESSING");
    REQUIRE(state.expire(of.id).has_value());
    CHECK(of.payment == payment_status::processing);
    REQUIRE(state.settle(of.id, true, {}, start).has_value());
    CHECK(of.status == session_status::completed);
    CHECK(of.payment == payment_status::paid);
    CHECK(take_told() == names{"session.expired", "order.succeeded", "session.complete"});
}

TEST_CASE_FIXTURE(fixture, "a payment under way that fails opens the session again") {
    auto& of = make();
    REQUIRE(state.process(of.id, {}, start).has_value());
    auto settled = state.settle(of.id, false, {}, start);
    REQUIRE(settled.has_value());
    CHECK((*settled)->status == order_status::failed);
    CHECK(of.payment == payment_status::unpaid);
    CHECK(refusal_of(state.settle(of.id, true, {}, start)) == "NO_PAYMENT_PROCESSING");
    CHECK(state.pay(of.id, {}, start).has_value());
}

TEST_CASE_FIXTURE(fixture, "a session expires by the clock, once, and takes no payment then") {
    settings.session_lifetime_seconds = 60;
    auto& of = make();
    state.expire_due(start + std::chrono::seconds(59));
    CHECK(of.status == session_status::open);
    state.expire_due(start + std::chrono::seconds(61));
    state.expire_due(start + std::chrono::seconds(62));
    CHECK(of.status == session_status::expired);
    CHECK(take_told() == names{"session.expired"});
    CHECK(refusal_of(state.pay(of.id, {}, start)) == "SESSION_EXPIRED");

    payment_choice late;
    late.after_expiry = true;
    late.stays_expired = true;
    REQUIRE(state.pay(of.id, late, start).has_value());
    CHECK(of.status == session_status::expired);
    CHECK(of.payment == payment_status::paid);
}

TEST_CASE_FIXTURE(fixture, "a paid session does not expire") {
    auto& of = make();
    REQUIRE(state.pay(of.id, {}, start).has_value());
    state.expire_due(start + std::chrono::hours(24));
    CHECK(of.status == session_status::completed);
}

TEST_CASE_FIXTURE(fixture, "another payment currency changes the total and leaves the original currency") {
    auto& of = make("9.99");
    payment_choice choice;
    choice.payment_currency = "BRL";
    CHECK_FALSE(state.pay(of.id, choice, start).has_value());
    choice.exchange_rate = decimal::parse("5.3313");
    auto paid = state.pay(of.id, choice, start);
    REQUIRE(paid.has_value());
    CHECK((*paid)->amount_total.to_string() == "53.26"); // 53.259687
    CHECK((*paid)->payment_currency == "BRL");
    CHECK((*paid)->original_currency == "USD");
    CHECK((*paid)->amount_subtotal.to_string() == "9.99");
    CHECK(of.payment_currency == "BRL");
}

TEST_CASE_FIXTURE(fixture, "codes, discounts and surcharges change the total") {
    auto total = [&](payment_choice choice) {
        auto& of = make("49.90");
        auto paid = state.pay(of.id, choice, start);
        return paid ? (*paid)->amount_total.to_string(2) : paid.error().message;
    };
    payment_choice choice;
    choice.promotion_code = "WELCOME10";
    CHECK(total(choice) == "44.91");
    choice.promotion_code = "TAKE5";
    CHECK(total(choice) == "44.90");
    choice.promotion_code = "NONE";
    CHECK(total(choice) == "PROMOTION_CODE_INVALID");
    choice = {};
    choice.discount = decimal::parse("0.90");
    choice.surcharge = decimal::parse("1.25");
    CHECK(total(choice) == "50.25");
}

TEST_CASE_FIXTURE(fixture, "refunds are idempotent on the merchant's id and never exceed the payment") {
    auto& of = make("50");
    auto& paid = **state.pay(of.id, {}, start);
    take_told();
    refund_terms terms{paid.id, "refund-1", *decimal::parse("20"), "Other", std::nullopt};
    auto first = state.refund_order(terms, start);
    auto again = state.refund_order(terms, start);
    REQUIRE(first.has_value());
    REQUIRE(again.has_value());
    CHECK(*first == *again);
    CHECK((*first)->status == refund_status::success);
    CHECK(paid.status == order_status::partial_refunded);
    CHECK(take_told() == names{"refund.created", "refund.succeeded"});

    terms.merchant_refund_id = "refund-2";
    terms.amount = *decimal::parse("30.01");
    CHECK_FALSE(state.refund_order(terms, start).has_value());
    terms.amount = *decimal::parse("30");
    terms.outcome = refund_outcome::pending;
    auto pending = state.refund_order(terms, start);
    REQUIRE(pending.has_value());
    CHECK(paid.status == order_status::partial_refunded);
    REQUIRE(state.settle_refund((*pending)->id, true, "").has_value());
    CHECK(paid.status == order_status::refunded);
    CHECK_FALSE(state.settle_refund((*pending)->id, true, "").has_value());
}

TEST_CASE_FIXTURE(fixture, "a refund that fails can be asked for again under another id") {
    auto& of = make("50");
    auto& paid = **state.pay(of.id, {}, start);
    refund_terms terms{paid.id, "refund-1", *decimal::parse("50"), "Other", refund_outcome::failed};
    REQUIRE(state.refund_order(terms, start).has_value());
    CHECK(paid.status == order_status::success);
    terms.merchant_refund_id = "refund-2";
    terms.outcome = refund_outcome::success;
    REQUIRE(state.refund_order(terms, start).has_value());
    CHECK(paid.status == order_status::refunded);
}

TEST_CASE_FIXTURE(fixture, "a dispute that ends is told twice") {
    auto& of = make("50");
    auto& paid = **state.pay(of.id, {}, start);
    take_told();
    REQUIRE(state.open_dispute(paid.id, {std::nullopt, dispute_status::lost}, start).has_value());
    CHECK(take_told() == names{"dispute.created", "dispute.lost", "dispute.closed"});
}

TEST_CASE_FIXTURE(fixture, "an order of a session without a reference says the text null") {
    session_terms terms;
    terms.original_amount = decimal::from_integer(5);
    terms.original_currency = "JPY";
    terms.who.reference = "merchant-7";
    auto made = state.create_session(terms, "{}", start);
    REQUIRE(made.has_value());
    CHECK((**state.pay((*made)->id, {}, start)).merchant_reference_id == "null");
}

TEST_CASE_FIXTURE(fixture, "a forgotten session neither expires nor is paid, and leaves others alone") {
    settings.session_lifetime_seconds = 60;
    auto& gone = make();
    auto& kept = make();
    state.forget_session(gone.id);
    state.forget_session("sess_none");
    CHECK(state.find_session(gone.id) == nullptr);
    CHECK(state.find_sessions("order-1") == std::vector<const session*>{&kept});
    CHECK(state.find_sessions("") == std::vector<const session*>{&kept});
    CHECK(refusal_of(state.pay(gone.id, {}, start)) == "SESSION_NOT_FOUND");
    state.expire_due(start + std::chrono::seconds(61));
    CHECK(take_told() == names{"session.expired"});
    CHECK(kept.status == session_status::expired);
}

TEST_CASE_FIXTURE(fixture, "a forgotten order is in no list, and is not refunded") {
    auto& of = make("50");
    auto& failed = **state.fail(of.id, {}, start);
    auto& paid = **state.pay(of.id, {}, start);
    state.forget_order(paid.id);
    state.forget_order("order_none");
    CHECK(state.find_order(paid.id) == nullptr);
    CHECK(state.find_orders({}) == std::vector<const order*>{&failed});
    CHECK(state.find_orders({"order-1", "", ""}) == std::vector<const order*>{&failed});
    CHECK(state.find_orders_of_session(of) == std::vector<const order*>{&failed});
    CHECK(of.order_id == paid.id);
    refund_terms terms{paid.id, "refund-1", *decimal::parse("20"), "Other", std::nullopt};
    CHECK_FALSE(state.refund_order(terms, start).has_value());
}
