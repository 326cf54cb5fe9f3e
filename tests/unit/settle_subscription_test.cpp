#include "settle_words.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;

namespace {

order_facts recurring_order(const std::string& id, clink_order_status status = clink_order_status::success) {
    order_facts facts;
    facts.order_id = clink_order_id(id);
    facts.session_id = clink_session_id("sess_1");
    facts.type = clink_order_type::recurring;
    facts.status = status;
    facts.amount_total = decimal::parse("49.90");
    facts.payment_currency = "USD";
    facts.original_currency = "USD";
    return facts;
}

clink_word names(clink_word word, const std::string& order, std::vector<order_facts> orders) {
    word.session.order_id = clink_order_id(order);
    word.orders = std::move(orders);
    return word;
}

} // namespace

TEST_CASE("the order behind a session gives the amounts that the session lacks, and recurring ones after the "
          "first are renewals") {
    const auto order = order_builder().attempt(session_status::open).get();
    auto word = says(clink_session_status::completed, clink_payment_status::paid);
    order_facts facts;
    facts.order_id = clink_order_id("order_a");
    facts.session_id = clink_session_id("sess_1");
    facts.type = clink_order_type::recurring;
    facts.status = clink_order_status::success;
    facts.amount_total = decimal::parse("49.90");
    facts.payment_currency = "USD";
    facts.original_currency = "USD";
    word.orders = {facts, facts, facts};
    word.orders[1].order_id = clink_order_id("order_b");
    word.orders[2].order_id = clink_order_id("order_c");
    word.orders[2].status = clink_order_status::failed;
    const auto change = settle_last(order, word);
    REQUIRE(change.new_payments.size() == 2);
    CHECK(change.new_payments[0].kind == payment_kind::payment);
    CHECK(change.new_payments[1].kind == payment_kind::renewal);
    CHECK(change.payment_count == 1);
    CHECK(change.state == order_state::paid);
}

TEST_CASE("a subscription's first payment is the order's, though its session names a try that failed") {
    const auto order = order_builder().attempt(session_status::open).get();
    const auto failed = recurring_order("order_a", clink_order_status::failed);
    for (const auto& says_not : {says(clink_session_status::open, clink_payment_status::unpaid),
                                 says(clink_session_status::open, clink_payment_status::processing),
                                 says(clink_session_status::completed, clink_payment_status::unpaid)}) {
        const auto early = names(says_not, "order_a", {failed, recurring_order("order_b")});
        const auto change = settle_last(order, early);
        REQUIRE(change.new_payments.size() == 1);
        CHECK(change.new_payments[0].kind == payment_kind::payment);
        CHECK(change.payment_count == 1);
        CHECK(change.state == order_state::paid);

        // Clink's session follows: that is the same payment, and what comes after is a renewal.
        const auto paid = apply(order, change);
        const auto late = names(says_paid(), "order_b", {recurring_order("order_b")});
        CHECK(settle_last(paid, late).new_payments.empty());
        const auto renewed = settle_last(
            paid, names(late, "order_b", {recurring_order("order_b"), recurring_order("order_c")}));
        REQUIRE(renewed.new_payments.size() == 1);
        CHECK(renewed.new_payments[0].kind == payment_kind::renewal);
    }
}

TEST_CASE("a renewal that its session names, once paid by another order, is none the less a renewal") {
    auto first = names(says_paid(), "order_a", {recurring_order("order_a")});
    const auto order = order_builder().attempt(session_status::open).get();
    const auto paid = apply(order, settle_last(order, first));
    const auto change = settle_last(paid, names(says_paid(), "order_b", {recurring_order("order_b")}));
    REQUIRE(change.new_payments.size() == 1);
    CHECK(change.new_payments[0].kind == payment_kind::renewal);
    CHECK(change.payment_count == 1);
    CHECK(change.state == order_state::paid);
    CHECK_FALSE(opens(change, discrepancy_kind::duplicate_payment));

    // Not so what pays once, nor the order of a payment that was known without one.
    auto onetime = recurring_order("order_b");
    onetime.type = clink_order_type::onetime;
    CHECK(opens(settle_last(paid, names(says_paid(), "order_b", {onetime})),
                discrepancy_kind::duplicate_payment));
    auto vague = says_paid();
    vague.session.order_id.reset();
    const auto unnamed = apply(order, settle_last(order, vague));
    const auto named = settle_last(unnamed, names(says_paid(), "order_b", {recurring_order("order_b")}));
    CHECK(named.new_payments.empty());
    REQUIRE(named.known_payments.size() == 1);
    CHECK(named.known_payments[0].order_id == clink_order_id("order_b"));
}

TEST_CASE(
    "an order that names no session, and the attempt, is the attempt's; shown as nobody's, it is explained") {
    const auto order = order_builder().attempt(session_status::open).get();
    auto facts = recurring_order("order_a");
    facts.session_id.reset();
    auto word = says(clink_session_status::open, clink_payment_status::unpaid);
    word.orders = {facts};
    CHECK(settle_last(order, word).new_payments.empty());
    word.orders[0].checkout_attempt_id = order.sessions[0].id.str();
    const auto change = settle_last(order, word);
    REQUIRE(change.new_payments.size() == 1);
    CHECK(change.state == order_state::paid);
    const auto closed =
        std::ranges::find(change.closings, discrepancy_kind::orphan_event, &discrepancy_closing::kind);
    REQUIRE(closed != change.closings.end());
    CHECK(closed->subject == "clink-order:order_a");
}
