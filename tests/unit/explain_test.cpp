// The facts that an explanation must hold: ids, times, counts, amounts. How it words them is not looked at.
#include "domain/explain.h"

#include "order_builder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

const std::vector<discrepancy_record> none;

explanation explain(const order_record& order, const std::vector<discrepancy_record>& open = none) {
    return checkout::explain(order, open, unreleased_ids::shown);
}

/// Some sentence holds all of `facts`.
bool says(const explanation& given, const std::vector<std::string>& facts) {
    return std::ranges::any_of(given.sentences, [&](const std::string& sentence) {
        return std::ranges::all_of(
            facts, [&](const std::string& fact) { return sentence.find(fact) != std::string::npos; });
    });
}

std::string whole(const explanation& given) {
    std::string text;
    for (const auto& sentence : given.sentences)
        text += sentence + "\n";
    return text;
}

std::string at(instant when) {
    return to_rfc3339(when);
}

decimal amount(const char* text) {
    return *decimal::parse(text);
}

discrepancy_record found(discrepancy_kind kind,
                         std::vector<std::pair<std::string, std::string>> detail = {}) {
    return {.id = 7, .kind = kind, .opened_at = noon - 3min, .detail = std::move(detail)};
}

refund_record refund_of(std::optional<std::int64_t> payment) {
    refund_record refund;
    refund.clink_id = clink_refund_id("rfd_1");
    refund.order_id = clink_order_id("order_1");
    refund.payment = payment;
    refund.status = refund_status::success;
    refund.amount = amount("10");
    refund.currency = "USD";
    refund.refund_time = noon - 40s;
    refund.recorded_at = noon - 30s;
    return refund;
}

order_record paid_order() {
    return order_builder()
        .attempt(session_status::completed, payment_status::paid)
        .with([](session_record& s) {
            s.settled_by = evidence::webhook;
            s.checked_at = noon - 50s;
            s.next_check_at = noon + 9min;
        })
        .payment();
}

} // namespace

TEST_CASE("explain: it begins with the order, its state, and counts of what there is") {
    auto order = paid_order();
    order.refunds = {refund_of(1)};
    const auto given = explain(order, {found(discrepancy_kind::stuck_unknown)});
    REQUIRE(given.sentences.size() > 1);
    CHECK(given.sentences[0].find("ORD-1") != std::string::npos);
    CHECK(given.sentences[0].find("paid") != std::string::npos);
    CHECK(says(given, {at(order.read_at), "1 attempt", "1 payment", "1 refund", "0 disputes", "1 open"}));
}

TEST_CASE("explain: every state of an order is named") {
    constexpr order_state states[] = {order_state::unpaid,    order_state::processing,
                                      order_state::cancelled, order_state::paid,
                                      order_state::underpaid, order_state::overpaid,
                                      order_state::refunded,  order_state::partially_refunded};
    for (const auto state : states) {
        auto order = order_builder().attempt(session_status::open).get();
        order.state = state;
        CHECK(explain(order).sentences[0].find(" " + std::string(to_string(state)) + ":")
              != std::string::npos);
    }
}

TEST_CASE("explain: a cancelled order says when it was cancelled, whatever came after") {
    auto order = paid_order();
    order.cancelled_at = noon - 2min;
    CHECK(says(explain(order), {"cancelled", at(noon - 2min)}));
}

TEST_CASE("explain: each attempt is told with its amount and its dates") {
    auto order = order_builder()
                     .attempt(session_status::dark)
                     .attempt(session_status::expired)
                     .attempt(session_status::open)
                     .with([](session_record& s) {
                         s.superseded_at = noon - 1min;
                         s.cancel_visited_at = noon - 90s;
                     })
                     .attempt(session_status::open, payment_status::unpaid, make_terms("500", "JPY"))
                     .get();
    const auto given = explain(order);
    const auto& [dark, expired, replaced, current] =
        std::tie(order.sessions[0], order.sessions[1], order.sessions[2], order.sessions[3]);
    CHECK(says(given, {"Attempt 1", "49.90 USD", at(dark.created_at), "dark"}));
    CHECK(says(given, {"Attempt 2", "sess_2", "expired", at(*expired.released_at), at(*expired.ended_at)}));
    CHECK(says(given, {"Attempt 3", "sess_3", at(*replaced.superseded_at), at(*replaced.cancel_visited_at)}));
    CHECK(says(given, {"Attempt 4", "sess_4", "500 JPY", "open", "unpaid", at(*current.expire_time)}));
}

TEST_CASE("explain: an attempt that never had a session says why") {
    const auto refused_with = [](const char* code) {
        return whole(explain(order_builder().attempt(session_status::refused).with([&](session_record& s) {
            s.refusal_code = code;
            s.refusal_message = "see https://clink.example/t0ken";
        })));
    };
    CHECK(refused_with("41203").find("41203") != std::string::npos);
    CHECK(refused_with("never_sent") != refused_with("41203"));
    const auto odd = refused_with("https://clink.example/t0ken");
    CHECK_MESSAGE(odd.find("t0ken") == std::string::npos, "only a code is shown as a code");
    const auto mismatch =
        whole(explain(order_builder().attempt(session_status::dark).with([](session_record& s) {
            s.refusal_code = answer_mismatch_code;
        })));
    CHECK(mismatch != whole(explain(order_builder().attempt(session_status::dark))));
}

TEST_CASE("explain: an attempt under way says so, and whether its time is over") {
    auto order = order_builder().attempt(session_status::creating).get();
    order.sessions[0].next_check_at = noon + 15s;
    const auto running = explain(order);
    CHECK(running.next_check_at == noon + 15s);
    order.sessions[0].lease_expired = true;
    CHECK(whole(explain(order)) != whole(running));
}

TEST_CASE("explain: evidence is who asked, when Clink last answered, and what it left unanswered") {
    auto order = paid_order();
    CHECK(says(explain(order), {"attempt 1", at(noon - 50s), "webhook"}));
    constexpr evidence sources[] = {evidence::redirect, evidence::refresh,   evidence::webhook,
                                    evidence::sweeper,  evidence::reconcile, evidence::operator_action};
    std::set<std::string> told;
    for (const auto source : sources) {
        order.sessions[0].settled_by = source;
        const auto given = explain(order);
        CHECK(says(given, {at(noon - 50s), std::string(to_string(source))}));
        told.insert(whole(given));
    }
    CHECK(told.size() == std::size(sources));

    order.sessions[0].failed_checks = 3;
    CHECK(says(explain(order), {"attempt 1", "3 questions"}));
    order.sessions[0].failed_checks = 1;
    CHECK(says(explain(order), {"attempt 1", "1 question "}));
}

TEST_CASE("explain: a session about which Clink never answered says so") {
    auto order = order_builder().attempt(session_status::open).get();
    const auto never = whole(explain(order));
    order.sessions[0].checked_at = noon - 10s;
    const auto given = explain(order);
    CHECK(says(given, {"attempt 1", at(noon - 10s)}));
    CHECK(whole(given) != never);
}

TEST_CASE("explain: a payment is told with its ids, amounts, verdict, finder and times") {
    auto order = order_builder()
                     .attempt(session_status::completed, payment_status::paid, make_terms("49.9", "USD"))
                     .payment(amount_verdict::converted)
                     .get();
    auto& payment = order.payments[0];
    payment.id = 1281;
    payment.order_id = clink_order_id("order_5Hx1");
    payment.amount_total = amount("266.3");
    payment.payment_currency = "BRL";
    payment.payment_time = noon - 70s;
    payment.recorded_at = noon - 60s;
    payment.found_by = evidence::sweeper;
    CHECK(says(explain(order), {"1281", "attempt 1", "order_5Hx1", "266.30 BRL", at(noon - 70s), "sweeper",
                                at(noon - 60s), "49.90 USD", "converted"}));

    payment.amount_total.reset();
    payment.order_id.reset();
    payment.verdict = amount_verdict::unknown;
    CHECK(says(explain(order), {"1281", "unknown", "49.90 USD"}));
}

TEST_CASE("explain: every verdict is named, and says something of its own") {
    constexpr amount_verdict verdicts[] = {amount_verdict::exact,      amount_verdict::converted,
                                           amount_verdict::discounted, amount_verdict::surcharged,
                                           amount_verdict::over,       amount_verdict::short_paid,
                                           amount_verdict::unknown};
    std::set<std::string> told;
    for (const auto verdict : verdicts) {
        auto order = paid_order();
        order.payments[0].verdict = verdict;
        const auto given = explain(order);
        CHECK(says(given, {"Payment 1 ", "verdict is " + std::string(to_string(verdict)) + ":"}));
        told.insert(whole(given));
    }
    CHECK(told.size() == std::size(verdicts));
}

TEST_CASE("explain: a renewal is told apart from the order's payment") {
    auto order = paid_order();
    auto renewal = order.payments[0];
    renewal.id = 2;
    renewal.kind = payment_kind::renewal;
    order.payments.push_back(renewal);
    const auto given = explain(order);
    CHECK(says(given, {"Payment 1 "}));
    CHECK(says(given, {"Renewal 2 "}));
    CHECK_FALSE(says(given, {"Renewal 2 ", "verdict"}));
}

TEST_CASE("explain: what was given back is told, by the refunds and by Clink's own status") {
    auto order = paid_order();
    CHECK_FALSE(says(explain(order), {"given back in"}));
    order.payments[0].refunded_amount = amount("10");
    order.refunds = {refund_of(1)};
    auto given = explain(order);
    CHECK(says(given, {"payment 1", "10.00 USD"}));
    CHECK(says(given,
               {"rfd_1", "payment 1", "10.00 USD", "success", at(noon - 40s), at(noon - 30s), "webhook"}));

    order.payments[0].clink_refunds = refund_extent::partial;
    const auto partial = whole(explain(order));
    CHECK(partial != whole(given));
    order.payments[0].clink_refunds = refund_extent::full;
    CHECK(whole(explain(order)) != partial);

    order.refunds[0].payment.reset();
    order.refunds[0].status = refund_status::failed;
    order.refunds[0].failure_code = "already_refunded";
    CHECK(says(explain(order), {"rfd_1", "order_1", "failed", "already_refunded"}));
}

TEST_CASE("explain: a refund without amount, or one under way, does not claim more") {
    auto order = paid_order();
    order.refunds = {refund_of(1)};
    order.refunds[0].amount.reset();
    const auto final_one = whole(explain(order));
    CHECK(final_one.find("10.00 USD") == std::string::npos);
    order.refunds[0].status = refund_status::refunding;
    CHECK(says(explain(order), {"rfd_1", "refunding", "asked"}));
}

TEST_CASE("explain: a dispute is told with its amount, its state, and its deadline") {
    auto order = paid_order();
    dispute_record dispute;
    dispute.clink_id = clink_dispute_id("cbi_1");
    dispute.order_id = clink_order_id("order_1");
    dispute.status = dispute_status::pending;
    dispute.amount = amount("49.9");
    dispute.currency = "USD";
    dispute.reason_code = "10.4";
    dispute.evidence_deadline = noon + 240h;
    dispute.said_at = noon - 20s;
    order.disputes = {dispute};
    CHECK(
        says(explain(order), {"cbi_1", "order_1", "49.90 USD", "pending", at(noon - 20s), at(noon + 240h)}));
    CHECK(says(explain(order), {"1 dispute "}));
}

TEST_CASE("explain: the next check is that of the session that is asked about first") {
    auto order = order_builder()
                     .attempt(session_status::dark)
                     .with([](session_record& s) { s.next_check_at = noon + 20min; })
                     .attempt(session_status::expired)
                     .attempt(session_status::open)
                     .with([](session_record& s) { s.next_check_at = noon + 5min; })
                     .get();
    const auto given = explain(order);
    CHECK(given.next_check_at == noon + 5min);
    CHECK(says(given, {"Attempt 1", at(noon + 20min)}));
    CHECK(says(given, {"Attempt 3", at(noon + 5min)}));

    const auto planned = whole(given);
    order.read_at = noon + 6min;
    const auto late = explain(order);
    CHECK(says(late, {"Attempt 3", at(noon + 5min), "due now"}));
    CHECK(planned.find("due now") == std::string::npos);
}

TEST_CASE("explain: why a session is asked about is told by what may still come of it") {
    const auto reason_for = [](session_status status, payment_status payment, amount_verdict verdict) {
        auto order = order_builder().attempt(status, payment).get();
        if (payment == payment_status::paid)
            order = order_builder(order).payment(verdict).get();
        if (verdict == amount_verdict::unknown && !order.payments.empty())
            order.payments[0].amount_total.reset();
        order.sessions[0].next_check_at = noon + 1min;
        return explain(order).sentences.back();
    };
    using enum session_status;
    const std::set<std::string> reasons{reason_for(creating, payment_status::unpaid, amount_verdict::exact),
                                        reason_for(dark, payment_status::unpaid, amount_verdict::exact),
                                        reason_for(open, payment_status::unpaid, amount_verdict::exact),
                                        reason_for(open, payment_status::processing, amount_verdict::exact),
                                        reason_for(expired, payment_status::unpaid, amount_verdict::exact),
                                        reason_for(completed, payment_status::paid, amount_verdict::unknown)};
    CHECK(reasons.size() == 6);
}

TEST_CASE("explain: where nothing is asked any more it says so and why") {
    const auto last_of = [](const order_record& order) {
        const auto given = explain(order);
        CHECK_FALSE(given.next_check_at);
        return given.sentences.back();
    };
    const auto ended = last_of(order_builder().attempt(session_status::expired));
    const auto dark = last_of(order_builder().attempt(session_status::dark));
    const auto both = last_of(order_builder().attempt(session_status::dark).attempt(session_status::expired));
    const auto forgotten = last_of(order_builder().attempt(session_status::open));
    CHECK(std::set<std::string>{ended, dark, both, forgotten}.size() == 4);
    CHECK(ended.find("ended") != std::string::npos);
}

TEST_CASE("explain: no sentence holds a page, and a storefront gets no id of what was never released") {
    auto order = order_builder()
                     .attempt(session_status::dark)
                     .with([](session_record& s) {
                         s.session_id = clink_session_id("sess_secret");
                         s.next_check_at = noon;
                     })
                     .attempt(session_status::open)
                     .get();
    const auto open = std::vector{
        found(discrepancy_kind::orphan_event, {{"clinkOrderId", "order_9"}, {"sessionId", "sess_orphan"}})};
    const auto shown = whole(checkout::explain(order, open, unreleased_ids::shown));
    const auto hidden = whole(checkout::explain(order, open, unreleased_ids::hidden));
    CHECK(shown.find("sess_secret") != std::string::npos);
    CHECK(hidden.find("sess_secret") == std::string::npos);
    CHECK(hidden.find("sess_orphan") == std::string::npos);
    CHECK(hidden.find("sess_2") != std::string::npos);
    for (const auto& text : {shown, hidden})
        CHECK(text.find("://") == std::string::npos);
}

TEST_CASE("explain: it is made of sentences") {
    auto order = paid_order();
    order.refunds = {refund_of(1)};
    for (const auto& sentence : explain(order, {found(discrepancy_kind::paid_after_expiry)}).sentences) {
        CAPTURE(sentence);
        CHECK(sentence.ends_with("."));
        CHECK(sentence.find("..") == std::string::npos);
        CHECK(sentence.find("  ") == std::string::npos);
        CHECK((sentence[0] >= 'A' && sentence[0] <= 'Z'));
    }
}
