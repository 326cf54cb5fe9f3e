#include "settle_words.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

TEST_CASE("open and unpaid again teaches nothing") {
    const auto order = order_builder().attempt(session_status::open).get();
    const auto change = settle_last(order, says(clink_session_status::open, clink_payment_status::unpaid));
    CHECK_FALSE(change.changes());
    CHECK(change.events.empty());
    CHECK(change.state == order_state::unpaid);
}

TEST_CASE("completed and paid becomes a payment, an end and events, in that order of the record") {
    const auto order = order_builder().attempt(session_status::open).get();
    const auto change = settle_last(order, says_paid(), evidence::redirect);
    REQUIRE(change.session);
    CHECK(change.session->status == session_status::completed);
    CHECK(change.session->payment == payment_status::paid);
    CHECK(change.session->ended);
    REQUIRE(change.new_payments.size() == 1);
    CHECK(change.new_payments[0].verdict == amount_verdict::exact);
    CHECK(change.new_payments[0].order_id == clink_order_id("order_of_sess_1"));
    CHECK(change.new_payments[0].found_by == evidence::redirect);
    CHECK(change.payment_count == 1);
    CHECK(change.state == order_state::paid);
    CHECK(change.discrepancies.empty());
    REQUIRE(change.events.size() == 2);
    CHECK(change.events[0].kind == "session_changed");
    CHECK(change.events[1].kind == "payment_recorded");
}

TEST_CASE("the same answer twice changes nothing the second time") {
    const auto order = order_builder().attempt(session_status::open).get();
    const auto after = apply(order, settle_last(order, says_paid()));
    const auto again = settle_last(after, says_paid());
    CHECK_FALSE(again.changes());
    CHECK(again.new_payments.empty());
    CHECK(again.discrepancies.empty());
}

TEST_CASE("a payment is absorbing: no later word takes it back") {
    const auto order = order_builder().attempt(session_status::open).get();
    const auto paid = apply(order, settle_last(order, says_paid()));
    for (const auto& word : {says(clink_session_status::open, clink_payment_status::unpaid),
                             says(clink_session_status::expired, clink_payment_status::unpaid),
                             says(clink_session_status::open, clink_payment_status::processing),
                             says(clink_session_status::unrecognised, clink_payment_status::unrecognised)}) {
        const auto change = settle_last(paid, word);
        CHECK_FALSE(change.session);
        CHECK(change.state == order_state::paid);
        CHECK(change.payment_count == 1);
    }
}

TEST_CASE("another attempt's late failure does not touch a paid one") {
    const auto order = order_builder()
                           .attempt(session_status::expired)
                           .attempt(session_status::completed, payment_status::paid)
                           .payment()
                           .get();
    const auto change =
        settle(order, order.sessions[0], says(clink_session_status::expired, clink_payment_status::unpaid),
               evidence::webhook);
    CHECK_FALSE(change.changes());
    CHECK(change.state == order_state::paid);
}

TEST_CASE("processing is followed to its end, either way") {
    const auto order = order_builder().attempt(session_status::open).get();
    const auto processing =
        apply(order, settle_last(order, says(clink_session_status::open, clink_payment_status::processing)));
    CHECK(processing.state == order_state::processing);
    const auto failed =
        settle_last(processing, says(clink_session_status::open, clink_payment_status::unpaid));
    CHECK(failed.state == order_state::unpaid);
    CHECK(settle_last(processing, says_paid()).state == order_state::paid);
}

TEST_CASE("expired and unpaid ends a session; expired and processing does not") {
    const auto order = order_builder().attempt(session_status::open).get();
    const auto expired =
        settle_last(order, says(clink_session_status::expired, clink_payment_status::unpaid));
    REQUIRE(expired.session);
    CHECK(expired.session->ended);
    const auto pending =
        settle_last(order, says(clink_session_status::expired, clink_payment_status::processing));
    REQUIRE(pending.session);
    CHECK_FALSE(pending.session->ended);
}

TEST_CASE("a payment after expiry, supersession or cancellation counts, and is shown") {
    const auto expired = order_builder().attempt(session_status::expired).get();
    auto change = settle_last(expired, says_paid());
    CHECK(change.state == order_state::paid);
    CHECK_FALSE(change.session->ended); // it had ended before
    CHECK(opens(change, discrepancy_kind::paid_after_expiry));

    const auto superseded =
        order_builder().attempt(session_status::open).with([](auto& s) { s.superseded_at = noon; }).get();
    CHECK(opens(settle_last(superseded, says_paid()), discrepancy_kind::paid_on_superseded));

    const auto cancelled = order_builder().attempt(session_status::open).cancelled().get();
    change = settle_last(cancelled, says_paid());
    CHECK(change.state == order_state::paid);
    CHECK(opens(change, discrepancy_kind::paid_after_cancel));
}

TEST_CASE("a payment on a session that was never released is found and shown; the attempt stays dark") {
    const auto dark = order_builder()
                          .attempt(session_status::dark)
                          .with([](auto& s) { s.session_id = clink_session_id("sess_1"); })
                          .get();
    const auto change = settle_last(dark, says_paid());
    CHECK(opens(change, discrepancy_kind::paid_on_dark_session));
    CHECK(change.session->status == session_status::dark);
    CHECK(change.session->payment == payment_status::paid);
    CHECK_FALSE(change.session->ended);
    CHECK(change.state == order_state::paid);
}

TEST_CASE("two paid sessions of one order are a duplicate") {
    const auto order = order_builder()
                           .attempt(session_status::completed, payment_status::paid)
                           .payment()
                           .attempt(session_status::open)
                           .get();
    const auto change = settle_last(order, says_paid("49.90", "sess_2"));
    CHECK(change.payment_count == 2);
    CHECK(change.state == order_state::overpaid);
    CHECK(opens(change, discrepancy_kind::duplicate_payment));
}

TEST_CASE("what is missing of a payment is learned later, and what is known never changes") {
    const auto order = order_builder().attempt(session_status::open).get();
    auto first = says_paid();
    first.session.order_id.reset();
    first.session.amount_total.reset();
    first.session.payment_currency.reset();
    const auto vague = apply(order, settle_last(order, first));
    REQUIRE(vague.payments.size() == 1);
    CHECK(vague.payments[0].verdict == amount_verdict::unknown);
    CHECK(vague.state == order_state::underpaid);

    const auto change = settle_last(vague, says_paid());
    CHECK(change.new_payments.empty());
    REQUIRE(change.known_payments.size() == 1);
    CHECK(change.known_payments[0].order_id == clink_order_id("order_of_sess_1"));
    CHECK(change.known_payments[0].verdict == amount_verdict::exact);
    CHECK(change.state == order_state::paid);

    const auto known = apply(vague, change);
    const auto lie = settle_last(known, says_paid("1.00"));
    CHECK(lie.known_payments.empty());
    CHECK(lie.state == order_state::paid);
}

TEST_CASE("orders of another session are not ours") {
    const auto order = order_builder().attempt(session_status::open).get();
    auto word = says(clink_session_status::open, clink_payment_status::unpaid);
    order_facts facts;
    facts.order_id = clink_order_id("order_a");
    facts.session_id = clink_session_id("sess_of_somebody");
    facts.status = clink_order_status::success;
    word.orders = {facts};
    CHECK_FALSE(settle_last(order, word).changes());
}

TEST_CASE("another reference than ours is shown") {
    const auto order = order_builder().attempt(session_status::open).get();
    auto word = says_paid();
    word.session.merchant_reference_id = "ORD-2";
    CHECK(opens(settle_last(order, word), discrepancy_kind::reference_mismatch));
}

TEST_CASE("verdicts: how what was paid compares with what was asked") {
    const money asked{*decimal::parse("49.90"), "USD"};
    const auto paid = [](const char* total, const char* currency, const char* subtotal = nullptr,
                         const char* original = "USD", const char* items = nullptr) {
        payment_record payment;
        payment.amount_total = decimal::parse(total);
        payment.payment_currency = currency;
        payment.clink_original_currency = original;
        if (subtotal != nullptr)
            payment.amount_subtotal = decimal::parse(subtotal);
        if (items != nullptr)
            payment.items_total = decimal::parse(items);
        return payment;
    };
    CHECK(judge_amount(asked, false, paid("49.9", "USD")) == amount_verdict::exact);
    CHECK(judge_amount(asked, false, paid("49.89", "USD")) == amount_verdict::short_paid);
    CHECK(judge_amount(asked, true, paid("39.90", "USD")) == amount_verdict::discounted);
    CHECK(judge_amount(asked, false, paid("53.10", "USD", "49.90")) == amount_verdict::surcharged);
    CHECK(judge_amount(asked, false, paid("4990", "USD", "4990")) == amount_verdict::over);
    CHECK(judge_amount(asked, false, paid("266.30", "BRL", nullptr, "USD", "49.9"))
          == amount_verdict::converted);
    CHECK(judge_amount(asked, false, paid("266.30", "BRL", "49.90")) == amount_verdict::converted);
    CHECK(judge_amount(asked, false, paid("266.30", "BRL", "9.99")) == amount_verdict::short_paid);
    CHECK(judge_amount(asked, false, paid("266.30", "BRL")) == amount_verdict::unknown);
    CHECK(judge_amount(asked, false, paid("49.90", "EUR", "49.90", "EUR")) == amount_verdict::unknown);
    CHECK(judge_amount(asked, false, payment_record{}) == amount_verdict::unknown);
}

TEST_CASE("an amount or currency that differs is a discrepancy") {
    const auto order = order_builder().attempt(session_status::open).get();
    const auto few = settle_last(order, says_paid("4.99"));
    CHECK(few.state == order_state::underpaid);
    CHECK(opens(few, discrepancy_kind::amount_mismatch));
    CHECK(opens(settle_last(order, says_paid("4990")), discrepancy_kind::amount_mismatch));
    auto foreign = says_paid();
    foreign.session.original_currency = "EUR";
    foreign.session.payment_currency = "EUR";
    CHECK(opens(settle_last(order, foreign), discrepancy_kind::currency_mismatch));
}

TEST_CASE("order states: the first that holds") {
    const auto one = [] {
        return order_builder().attempt(session_status::completed, payment_status::paid).payment();
    };
    CHECK(find_state(one()) == order_state::paid);
    auto order = one().get();
    order.payments[0].refunded_amount = *decimal::parse("10");
    CHECK(find_state(order) == order_state::partially_refunded);
    order.payments[0].refunded_amount = *decimal::parse("49.90");
    CHECK(find_state(order) == order_state::refunded);
    order.payments.push_back(one().get().payments[0]);
    CHECK(find_state(order) == order_state::paid); // the refunded duplicate is settled
    order.payments[0].refunded_amount = *decimal::parse("10");
    CHECK(find_state(order) == order_state::overpaid);
    CHECK(find_state(one().cancelled()) == order_state::paid);
    CHECK(find_state(order_builder().attempt(session_status::open).cancelled()) == order_state::cancelled);
    CHECK(find_state(order_builder().attempt(session_status::open, payment_status::processing).cancelled())
          == order_state::processing);
    auto doubtful = one().get();
    doubtful.payments[0].verdict = amount_verdict::short_paid;
    CHECK(find_state(doubtful) == order_state::underpaid);
}
