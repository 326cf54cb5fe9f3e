#include "order_builder.h"
#include "order_ledger.h"
#include "settle_words.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

/// An order of USD 49.90, paid once by Clink's order_1.
order_builder paid_order() {
    return order_builder()
        .attempt(session_status::completed, payment_status::paid)
        .with([](auto& session) { session.settled_by = evidence::redirect; })
        .payment();
}

refund_facts refund(refund_status status, const std::string& amount = "10", const std::string& id = "rfd_1",
                    const std::string& order = "order_1") {
    refund_facts facts;
    facts.refund_id = clink_refund_id(id);
    facts.order_id = clink_order_id(order);
    facts.status = status;
    facts.amount = decimal::parse(amount);
    facts.currency = "USD";
    return facts;
}

settlement settle_it(const order_record& order, const refund_facts& facts) {
    return settle_refund(order, facts, evidence::webhook);
}

order_record after_refund(const order_record& order, const refund_facts& facts) {
    order_ledger ledger(order);
    ledger.apply(settle_it(order, facts));
    CHECK(ledger.broken_rule() == "");
    return ledger.order();
}

const discrepancy_draft* find_opened(const settlement& change, discrepancy_kind kind) {
    const auto found = std::ranges::find(change.discrepancies, kind, &discrepancy_draft::kind);
    return found == change.discrepancies.end() ? nullptr : &*found;
}

bool closes(const settlement& change, discrepancy_kind kind) {
    return std::ranges::find(change.closings, kind, &discrepancy_closing::kind) != change.closings.end();
}

std::string refunded(const order_record& order, std::size_t payment = 0) {
    return order.payments[payment].refunded_amount.to_string();
}

} // namespace

TEST_CASE("a refund that was asked for is recorded with its payment, and counts when it has succeeded") {
    const auto order = paid_order().get();
    auto change = settle_it(order, refund(refund_status::created));
    CHECK_FALSE(change.asked_session);
    CHECK_FALSE(change.session);
    CHECK(change.source == evidence::webhook);
    CHECK(change.attempt == order.sessions[0].id);
    REQUIRE(change.refunds.size() == 1);
    CHECK(change.refunds[0].payment == 1);
    CHECK(change.refunds[0].status == refund_status::created);
    CHECK(change.refunds[0].found_by == evidence::webhook);
    CHECK(change.known_payments.empty());
    CHECK(change.refund_count == 1);
    CHECK(change.state == order_state::paid);
    CHECK(change.discrepancies.empty());
    REQUIRE(change.events.size() == 1);
    CHECK(change.events[0].kind == "refund_recorded");
    CHECK(change.events[0].attempt == order.sessions[0].id);

    const auto asked = after_refund(order, refund(refund_status::created));
    change = settle_it(asked, refund(refund_status::success));
    CHECK(change.refund_count == 1);
    CHECK(change.state == order_state::partially_refunded);
    REQUIRE(change.known_payments.size() == 1);
    CHECK(change.known_payments[0].refunded_amount == decimal::parse("10"));
    REQUIRE(change.events.size() == 1);
    CHECK(change.events[0].kind == "refund_updated");
}

TEST_CASE("what a refund says of itself is kept") {
    auto facts = refund(refund_status::failed);
    facts.refund_merchant_order_id = "REF-1";
    facts.reason = "Duplicate payment";
    facts.failure_code = "already_refunded";
    facts.create_time = noon;
    const auto kept = after_refund(paid_order(), facts).refunds[0];
    CHECK(kept.refund_merchant_order_id == "REF-1");
    CHECK(kept.reason == "Duplicate payment");
    CHECK(kept.failure_code == "already_refunded");
    CHECK(kept.refund_time == noon);
    CHECK(kept.order_id == clink_order_id("order_1"));
}

TEST_CASE("the same answer about a refund twice changes nothing the second time") {
    const auto order = after_refund(paid_order(), refund(refund_status::success));
    const auto again = settle_it(order, refund(refund_status::success));
    CHECK_FALSE(again.changes());
    CHECK(again.events.empty());
    CHECK(again.discrepancies.empty());
    CHECK(again.refund_count == 1);
    CHECK(again.state == order_state::partially_refunded);
}

TEST_CASE("refunds add up, and the last one makes the order refunded") {
    auto order = after_refund(paid_order(), refund(refund_status::success, "20"));
    order = after_refund(order, refund(refund_status::success, "20", "rfd_2"));
    CHECK(refunded(order) == "40");
    CHECK(order.state == order_state::partially_refunded);
    order = after_refund(order, refund(refund_status::success, "9.90", "rfd_3"));
    CHECK(refunded(order) == "49.9");
    CHECK(order.state == order_state::refunded);
    CHECK(order.refund_count == 3);
}

TEST_CASE("only what succeeded counts") {
    for (const auto status : {refund_status::created, refund_status::refunding, refund_status::received,
                              refund_status::failed, refund_status::closed, refund_status::unknown}) {
        const auto order = after_refund(paid_order(), refund(status));
        CHECK(refunded(order) == "0");
        CHECK(order.state == order_state::paid);
        CHECK(order.refunds[0].status == status);
    }
}

TEST_CASE("a refund that succeeded stays so, with its amount") {
    const auto order = after_refund(paid_order(), refund(refund_status::success));
    for (const auto& lie : {refund(refund_status::failed), refund(refund_status::success, "11"),
                            refund(refund_status::unknown)}) {
        const auto change = settle_it(order, lie);
        CHECK_FALSE(change.changes());
        CHECK(change.state == order_state::partially_refunded);
    }
}

TEST_CASE("a refund that Clink takes back after its success still counts, and is shown") {
    const auto order = after_refund(paid_order(), refund(refund_status::success));
    for (const auto status : {refund_status::failed, refund_status::closed}) {
        const auto change = settle_it(order, refund(status));
        CHECK_FALSE(change.changes());
        const auto* opened = find_opened(change, discrepancy_kind::amount_mismatch);
        REQUIRE(opened != nullptr);
        CHECK(opened->subject == "refund:rfd_1");
        CHECK(opened->detail.at("clinkStatus") == to_string(status));
    }
    for (const auto status : {refund_status::success, refund_status::refunding, refund_status::unknown})
        CHECK(settle_it(order, refund(status)).discrepancies.empty());
    const auto failed = after_refund(paid_order(), refund(refund_status::failed));
    CHECK(settle_it(failed, refund(refund_status::closed)).discrepancies.empty());
}

TEST_CASE("a status that this service does not know takes nothing back") {
    const auto order = after_refund(paid_order(), refund(refund_status::refunding));
    CHECK_FALSE(settle_it(order, refund(refund_status::unknown)).changes());
}

TEST_CASE("an amount that was missing is learned after the success, too, and counts then") {
    auto vague = refund(refund_status::success);
    vague.amount.reset();
    auto order = after_refund(paid_order(), vague);
    CHECK(refunded(order) == "0");
    order = after_refund(order, refund(refund_status::success));
    CHECK(refunded(order) == "10");
    CHECK(order.state == order_state::partially_refunded);
}

TEST_CASE("a refund whose payment is not on record is shown until it is") {
    const auto order = order_builder().attempt(session_status::expired).attempt(session_status::open).get();
    const auto change = settle_it(order, refund(refund_status::success));
    const auto* opened = find_opened(change, discrepancy_kind::refund_without_payment);
    REQUIRE(opened != nullptr);
    CHECK(opened->subject == "refund:rfd_1");
    CHECK_FALSE(change.refunds[0].payment);
    CHECK(change.known_payments.empty());
    CHECK(change.state == order_state::unpaid);
    CHECK(change.attempt == order.sessions[1].id);
    CHECK_FALSE(change.events[0].attempt);

    const auto stray = after_refund(order, refund(refund_status::success));
    const auto again = settle_it(stray, refund(refund_status::success));
    CHECK_FALSE(again.changes());
    CHECK(find_opened(again, discrepancy_kind::refund_without_payment) != nullptr);

    const auto found = order_builder(stray).payment().get();
    const auto matched = settle_it(found, refund(refund_status::success));
    CHECK(matched.refunds[0].payment == 1);
    CHECK(matched.known_payments[0].refunded_amount == decimal::parse("10"));
    CHECK(find_opened(matched, discrepancy_kind::refund_without_payment) == nullptr);
    REQUIRE(matched.closings.size() == 1);
    CHECK(matched.closings[0].kind == discrepancy_kind::refund_without_payment);
    CHECK(matched.closings[0].subject == "refund:rfd_1");
}

TEST_CASE("a refund in another currency is shown and does not count, and one in the right currency does") {
    auto foreign = refund(refund_status::success);
    foreign.currency = "EUR";
    const auto change = settle_it(paid_order(), foreign);
    const auto* opened = find_opened(change, discrepancy_kind::currency_mismatch);
    REQUIRE(opened != nullptr);
    CHECK(opened->subject == "refund:rfd_1");
    CHECK(change.known_payments.empty());
    CHECK(change.state == order_state::paid);

    const auto order = after_refund(paid_order(), foreign);
    const auto other = settle_it(order, refund(refund_status::success, "10", "rfd_2"));
    CHECK(other.known_payments[0].refunded_amount == decimal::parse("10"));
    for (const auto& draft : other.discrepancies)
        CHECK(draft.subject == "refund:rfd_1");
}

TEST_CASE("a refund of a payment whose currency is not known yet waits, and counts when it is") {
    auto order = paid_order().get();
    order.payments[0].payment_currency.reset();
    order.payments[0].verdict = amount_verdict::unknown;
    order.state = order_state::underpaid;
    auto waiting = after_refund(order, refund(refund_status::success));
    CHECK(refunded(waiting) == "0");
    CHECK(find_opened(settle_it(order, refund(refund_status::success)), discrepancy_kind::currency_mismatch)
          == nullptr);

    clink_word word;
    word.session.session_id = *order.sessions[0].session_id;
    word.session.status = clink_session_status::completed;
    word.session.payment_status = clink_payment_status::paid;
    word.orders.resize(1);
    word.orders[0].order_id = clink_order_id("order_1");
    word.orders[0].session_id = order.sessions[0].session_id;
    word.orders[0].status = clink_order_status::success;
    word.orders[0].payment_currency = "USD";
    order_ledger ledger(waiting);
    ledger.apply(settle(waiting, waiting.sessions[0], word, evidence::sweeper));
    CHECK(ledger.broken_rule() == "");
    CHECK(refunded(ledger.order()) == "10");
    CHECK(ledger.order().state == order_state::partially_refunded);
}

TEST_CASE("a refund is counted anew with an event of its own when the sum on record lags behind") {
    auto order = after_refund(paid_order(), refund(refund_status::success));
    order.payments[0].refunded_amount = decimal();
    const auto change = settle_it(order, refund(refund_status::success));
    CHECK(change.refunds.empty());
    CHECK(change.known_payments[0].refunded_amount == decimal::parse("10"));
    CHECK(change.events.size() == 1);
}

TEST_CASE("the sum on record never shrinks") {
    auto order = paid_order().get();
    order.payments[0].refunded_amount = *decimal::parse("30");
    order.state = order_state::partially_refunded;
    CHECK(settle_it(order, refund(refund_status::success)).known_payments.empty());
}

TEST_CASE("more refunded than paid is shown once for the payment, however many refunds there are") {
    auto order = after_refund(paid_order(), refund(refund_status::success, "49.90"));
    const auto change = settle_it(order, refund(refund_status::success, "0.01", "rfd_2"));
    const auto* opened = find_opened(change, discrepancy_kind::amount_mismatch);
    REQUIRE(opened != nullptr);
    CHECK(change.state == order_state::refunded);
    order = after_refund(order, refund(refund_status::success, "0.01", "rfd_2"));
    const auto third = settle_it(order, refund(refund_status::failed, "1", "rfd_3"));
    CHECK(find_opened(third, discrepancy_kind::amount_mismatch)->subject == opened->subject);
}

TEST_CASE("refunds that were known before their payment are shown with what explains them") {
    auto order = order_builder().attempt(session_status::open).get();
    auto foreign = refund(refund_status::success, "10", "rfd_1", "order_of_sess_1");
    foreign.currency = "EUR";
    order = after_refund(order, foreign);
    order = after_refund(order, refund(refund_status::success, "50", "rfd_2", "order_of_sess_1"));
    order = after_refund(order, refund(refund_status::failed, "1", "rfd_3", "order_of_sess_1"));
    const auto change = settle_last(order, says_paid());
    const auto* currency = find_opened(change, discrepancy_kind::currency_mismatch);
    REQUIRE(currency != nullptr);
    CHECK(currency->subject == "refund:rfd_1");
    CHECK(currency->detail.at("refundId") == "rfd_1");
    const auto* amount = find_opened(change, discrepancy_kind::amount_mismatch);
    REQUIRE(amount != nullptr);
    CHECK(amount->subject == "refunds:order_of_sess_1");
    CHECK(amount->detail.at("refundId") == "rfd_2");
    CHECK(amount->detail.at("clinkOrderId") == "order_of_sess_1");
}

TEST_CASE("the refund of one of two payments ends the duplicate") {
    const auto order = paid_order().attempt(session_status::completed, payment_status::paid).payment().get();
    auto overpaid = order;
    overpaid.state = order_state::overpaid;
    const auto part = settle_it(overpaid, refund(refund_status::success, "20", "rfd_1", "order_2"));
    CHECK(part.state == order_state::overpaid);
    CHECK_FALSE(closes(part, discrepancy_kind::duplicate_payment));
    const auto whole = settle_it(overpaid, refund(refund_status::success, "49.90", "rfd_1", "order_2"));
    CHECK(whole.attempt == order.sessions[1].id);
    CHECK(whole.state == order_state::paid);
    CHECK(closes(whole, discrepancy_kind::duplicate_payment));
    CHECK(whole.payment_count == 2);
}

TEST_CASE("the refund of a renewal is recorded and leaves the order's state alone") {
    auto order = paid_order().payment().get();
    order.payments[1].kind = payment_kind::renewal;
    order.payment_count = 1;
    order = after_refund(order, refund(refund_status::success, "49.90", "rfd_1", "order_2"));
    CHECK(refunded(order, 1) == "49.9");
    CHECK(order.state == order_state::paid);
}

TEST_CASE("Clink's word for its order and its refunds agree in any order") {
    auto order = paid_order().get();
    order.payments[0].clink_refunds = refund_extent::full;
    order.state = order_state::refunded;
    CHECK(after_refund(order, refund(refund_status::success, "49.90")).state == order_state::refunded);
    order.payments[0].clink_refunds = refund_extent::partial;
    order.state = order_state::partially_refunded;
    CHECK(after_refund(order, refund(refund_status::success, "49.90")).state == order_state::refunded);
    CHECK(after_refund(order, refund(refund_status::refunding)).state == order_state::partially_refunded);
}
