#include "order_builder.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

const create_intent same = make_intent(make_terms());
const create_intent other = make_intent(make_terms("59.90"));
const create_intent replacing = make_intent(make_terms("59.90"), true);

create_decision decide(const order_record& order, const create_intent& intent,
                       const std::optional<asked_session>& asked = std::nullopt) {
    return decide_create(order, intent, asked);
}

errc refused_with(const create_decision& decision) {
    const auto* refused = std::get_if<failure>(&decision);
    REQUIRE(refused != nullptr);
    return refused->code;
}

asked_session asked(const order_record& order, bool answered) {
    return {order.sessions.back().id, answered};
}

} // namespace

TEST_CASE("an order with a payment is never sold again, whatever else it is") {
    const auto paid =
        order_builder().attempt(session_status::completed, payment_status::paid).payment().get();
    CHECK(refused_with(decide(paid, same)) == errc::order_already_paid);
    CHECK(refused_with(decide(paid, replacing)) == errc::order_already_paid);
    const auto cancelled = order_builder(paid).cancelled().get();
    CHECK(refused_with(decide(cancelled, same)) == errc::order_already_paid);
}

TEST_CASE("a cancelled order is not sold") {
    const auto order = order_builder().attempt(session_status::open).cancelled().get();
    CHECK(refused_with(decide(order, same)) == errc::order_cancelled);
}

TEST_CASE("the current session is replayed on the same terms, and binds other ones") {
    const auto order = order_builder().attempt(session_status::open).get();
    const auto decision = decide(order, same);
    REQUIRE(std::holds_alternative<replay_session>(decision));
    CHECK(std::get<replay_session>(decision).attempt == order.sessions[0].id);

    const auto conflict = decide(order, other);
    CHECK(refused_with(conflict) == errc::order_terms_conflict);
    const auto& conflicts = std::get<failure>(conflict).conflicts;
    CHECK(std::ranges::find(conflicts, term_conflict{"/originalAmount", "49.90", "59.90"})
          != conflicts.end());
}

TEST_CASE("equal terms with supersede are a replay") {
    const auto order = order_builder().attempt(session_status::open).get();
    CHECK(std::holds_alternative<replay_session>(decide(order, make_intent(make_terms(), true))));
}

TEST_CASE("the clock alone never ends a session: past its expiry Clink is asked, and its word stands") {
    const auto order =
        order_builder().attempt(session_status::open).with([](auto& s) { s.expire_time = noon - 1s; }).get();
    REQUIRE(std::holds_alternative<ask_clink_first>(decide(order, same)));
    CHECK(std::holds_alternative<replay_session>(decide(order, same, asked(order, true))));
    CHECK(refused_with(decide(order, same, asked(order, false))) == errc::clink_unavailable);
}

TEST_CASE("a session that expires at this very moment counts as past it") {
    const auto order =
        order_builder().attempt(session_status::open).with([](auto& s) { s.expire_time = noon; }).get();
    CHECK(std::holds_alternative<ask_clink_first>(decide(order, same)));
}

TEST_CASE("supersede asks Clink about the current session first") {
    const auto order = order_builder().attempt(session_status::open).get();
    REQUIRE(std::holds_alternative<ask_clink_first>(decide(order, replacing)));
    CHECK(refused_with(decide(order, replacing, asked(order, false))) == errc::clink_unavailable);
    const auto decision = decide(order, replacing, asked(order, true));
    REQUIRE(std::holds_alternative<begin_attempt>(decision));
    CHECK(std::get<begin_attempt>(decision).attempt == 2);
    CHECK(std::get<begin_attempt>(decision).supersedes == order.sessions[0].id);
}

TEST_CASE("at most five superseded sessions may still be watched") {
    order_builder builder;
    for (int i = 0; i < max_superseded_sessions; ++i)
        builder.attempt(session_status::open).with([](auto& s) { s.superseded_at = noon - 1min; });
    const auto full = order_builder(builder).attempt(session_status::open).get();
    CHECK(refused_with(decide(full, replacing, asked(full, true))) == errc::too_many_open_sessions);
    auto one_ended = full;
    one_ended.sessions[0].ended_at = noon;
    CHECK(std::holds_alternative<begin_attempt>(decide(one_ended, replacing, asked(one_ended, true))));
}

TEST_CASE("while money may be on its way nothing is sold: asked once, then processing") {
    for (const auto status : {session_status::open, session_status::expired}) {
        const auto order = order_builder().attempt(status, payment_status::processing).get();
        REQUIRE(std::holds_alternative<ask_clink_first>(decide(order, same)));
        const auto decision = decide(order, same, asked(order, true));
        CHECK(refused_with(decision) == errc::payment_processing);
        CHECK(std::get<failure>(decision).retry_after.has_value());
    }
    const auto odd = order_builder().attempt(session_status::completed, payment_status::unpaid).get();
    CHECK(refused_with(decide(odd, same, asked(odd, true))) == errc::payment_processing);
}

TEST_CASE("a superseded session that is processing holds the order back, too") {
    const auto order = order_builder()
                           .attempt(session_status::open, payment_status::processing)
                           .with([](auto& s) { s.superseded_at = noon; })
                           .attempt(session_status::open)
                           .get();
    const auto decision = decide(order, same);
    REQUIRE(std::holds_alternative<ask_clink_first>(decision));
    CHECK(std::get<ask_clink_first>(decision).attempt == order.sessions[0].id);
}

TEST_CASE("after expired, refused or dark the next request makes the next attempt, on any terms") {
    for (const auto status : {session_status::expired, session_status::refused, session_status::dark}) {
        const auto order = order_builder().attempt(status).get();
        const auto decision = decide(order, other);
        REQUIRE(std::holds_alternative<begin_attempt>(decision));
        CHECK(std::get<begin_attempt>(decision).attempt == 2);
        CHECK_FALSE(std::get<begin_attempt>(decision).lapsed);
    }
}

TEST_CASE("who asks for the current session waits for what may replace it") {
    const auto order = order_builder()
                           .attempt(session_status::open)
                           .attempt(session_status::creating)
                           .with([](auto& s) { s.terms_fingerprint = "of what supersedes"; })
                           .get();
    CHECK(std::holds_alternative<wait_for_winner>(decide(order, same)));
    CHECK(refused_with(decide(order, other)) == errc::order_terms_conflict);
}

TEST_CASE("an attempt under way is waited for, on other terms it binds") {
    const auto order = order_builder().attempt(session_status::creating).get();
    CHECK(std::holds_alternative<wait_for_winner>(decide(order, same)));
    CHECK(refused_with(decide(order, other)) == errc::order_terms_conflict);
    CHECK(std::holds_alternative<wait_for_winner>(decide(order, replacing)));
}

TEST_CASE("an attempt whose lease ran out goes dark with the next one's beginning") {
    const auto order =
        order_builder().attempt(session_status::creating).with([](auto& s) { s.lease_expired = true; }).get();
    const auto decision = decide(order, other);
    REQUIRE(std::holds_alternative<begin_attempt>(decision));
    CHECK(std::get<begin_attempt>(decision).lapsed == order.sessions[0].id);
}

TEST_CASE("what waiters are told of a failed attempt is what its winner was told") {
    const auto failed = [](session_status status, std::optional<std::string> code, std::string message = {}) {
        session_record session;
        session.status = status;
        session.refusal_code = std::move(code);
        session.refusal_message = std::move(message);
        const auto answer = failure_of_attempt(session);
        REQUIRE(answer.has_value());
        return answer->code;
    };
    CHECK(failed(session_status::dark, std::nullopt) == errc::clink_outcome_unknown);
    CHECK(failed(session_status::refused, "400", "no") == errc::clink_rejected);
    CHECK(failed(session_status::refused, "400", "CUSTOMER_NOT_FOUND") == errc::customer_not_found);
    CHECK(failed(session_status::refused, "CUSTOMER_IDENTIFIER_NOT_MATCHED")
          == errc::customer_identifier_not_matched);
    CHECK(failed(session_status::refused, std::string(never_sent_code)) == errc::clink_unavailable);
    CHECK(failed(session_status::refused, "429") == errc::clink_unavailable);
    CHECK_FALSE(failure_of_attempt(order_builder().attempt(session_status::open).get().sessions[0]));
    CHECK_FALSE(failure_of_attempt(order_builder().attempt(session_status::creating).get().sessions[0]));
}

TEST_CASE("the echo of a create is compared as numbers; the 100x mistake is found") {
    const money asked{*decimal::parse("49.90"), "USD"};
    const merchant_order_id order("ORD-1");
    created_session answer{.session_id = clink_session_id("sess_1"),
                           .url = "https://checkout.example/pay/1",
                           .customer_id = {},
                           .original_amount = decimal::parse("49.9"),
                           .original_currency = "USD",
                           .merchant_reference_id = "ORD-1",
                           .expire_time = {}};
    CHECK_FALSE(find_echo_difference(order, asked, answer));
    auto hundredfold = answer;
    hundredfold.original_amount = decimal::parse("4990");
    REQUIRE(find_echo_difference(order, asked, hundredfold));
    CHECK(find_echo_difference(order, asked, hundredfold)->field == "originalAmount");
    auto foreign = answer;
    foreign.original_currency = "EUR";
    CHECK(find_echo_difference(order, asked, foreign)->field == "originalCurrency");
    auto stranger = answer;
    stranger.merchant_reference_id = "ORD-2";
    CHECK(find_echo_difference(order, asked, stranger)->field == "merchantReferenceId");
    answer.original_amount.reset();
    answer.original_currency.reset();
    answer.merchant_reference_id.reset();
    CHECK_FALSE(find_echo_difference(order, asked, answer));
}
