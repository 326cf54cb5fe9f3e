#include "http/wire.h"

#include "order_builder.h"

#include <doctest/doctest.h>

using namespace checkout;
using namespace checkout::test;

namespace {

std::string text_of(const json_value& object, std::string_view name) {
    const auto* member = object.find(name);
    REQUIRE(member != nullptr);
    return write_json(*member);
}

session_outcome outcome_of(const order_record& order, bool answered) {
    session_outcome outcome;
    outcome.order = order;
    outcome.attempt = order.sessions.back().id;
    outcome.answered = answered;
    return outcome;
}

} // namespace

TEST_CASE("amounts have their currency's digits, and more where they came with more") {
    CHECK(format_amount(*decimal::parse("49.9"), "USD") == "49.90");
    CHECK(format_amount(*decimal::parse("500"), "JPY") == "500");
    CHECK(format_amount(*decimal::parse("1.25"), "KWD") == "1.250");
    CHECK(format_amount(*decimal::parse("53.2612"), "BRL") == "53.2612");
}

TEST_CASE("recorded terms come back in the request's shape") {
    auto terms = make_terms("500", "JPY");
    terms.allow_promotion_codes = true;
    terms.payment_method_type_blacklist = {"KAKAO", "WECHAT"};
    terms.metadata = {{"a/b~c", "1"}};
    terms.extra = {{"newField", R"({"a":[1.50,null]})"}};
    const auto json = to_json_terms(record(terms));
    CHECK(text_of(json, "originalAmount") == R"("500")");
    CHECK(text_of(json, "uiMode") == R"("hostedPage")");
    CHECK(text_of(json, "allowPromotionCodes") == "true");
    CHECK(text_of(json, "paymentMethodTypeBlackList") == R"(["KAKAO","WECHAT"])");
    CHECK(text_of(json, "metadata") == R"({"a/b~c":"1"})");
    CHECK(text_of(json, "extra") == R"({"newField":{"a":[1.50,null]}})");
    const auto* items = json.find("priceDataList");
    REQUIRE((items != nullptr && items->if_array() != nullptr && items->if_array()->size() == 1));
    CHECK(text_of(items->if_array()->front(), "unitAmount") == R"("500")");
    CHECK(text_of(items->if_array()->front(), "quantity") == "1");
}

TEST_CASE("eleven items keep their places") {
    auto terms = make_terms("11");
    terms.items.assign(11, terms.items[0]);
    for (std::size_t i = 0; i < terms.items.size(); ++i)
        terms.items[i].name = std::to_string(i);
    const auto json = to_json_terms(record(terms));
    CHECK(text_of(json.find("priceDataList")->if_array()->at(10), "name") == R"("10")");
    CHECK(text_of(json.find("priceDataList")->if_array()->at(2), "name") == R"("2")");
}

TEST_CASE("the page's URL is shown while it opens a page that should be paid, and no longer") {
    const auto url_of = [](const order_record& order) {
        return text_of(to_json_session(order, order.sessions[0]), "url");
    };
    CHECK(url_of(order_builder().attempt(session_status::open).get()) != "null");
    CHECK(url_of(order_builder().attempt(session_status::open).cancelled().get()) == "null");
    CHECK(
        url_of(
            order_builder().attempt(session_status::open).with([](auto& s) { s.superseded_at = noon; }).get())
        == "null");
}

TEST_CASE("a storefront does not see Clink's id of an attempt that was never released") {
    const auto order = order_builder()
                           .attempt(session_status::dark)
                           .with([](auto& s) { s.session_id = clink_session_id("sess_dark"); })
                           .get();
    CHECK(write_json(to_json_order(order, {}, visibility::storefront)).find("sess_dark")
          == std::string::npos);
    CHECK(write_json(to_json_order(order, {}, visibility::everything)).find("sess_dark")
          != std::string::npos);
}

TEST_CASE("a storefront does not see the session of an order of Clink's that belongs to no attempt") {
    const auto order = order_builder().attempt(session_status::open).get();
    const discrepancy_record orphan{.id = 1,
                                    .kind = discrepancy_kind::orphan_event,
                                    .opened_at = noon,
                                    .detail = {{"clinkOrderId", "order_9"}, {"sessionId", "sess_orphan"}}};
    for (const auto to_json : {to_json_order, to_json_explanation}) {
        const auto hidden = write_json(to_json(order, {orphan}, visibility::storefront));
        CHECK(hidden.find("sess_orphan") == std::string::npos);
        CHECK(hidden.find("order_9") != std::string::npos);
        CHECK(write_json(to_json(order, {orphan}, visibility::everything)).find("sess_orphan")
              != std::string::npos);
    }
}

TEST_CASE("an explanation says when it was made and when Clink is asked next") {
    auto order = order_builder().attempt(session_status::open).get();
    CHECK(text_of(to_json_explanation(order, {}, visibility::everything), "nextCheckAt") == "null");
    order.sessions[0].next_check_at = noon + std::chrono::minutes(1);
    const auto json = to_json_explanation(order, {}, visibility::everything);
    CHECK(text_of(json, "merchantOrderId") == R"("ORD-1")");
    CHECK(text_of(json, "state") == R"("unpaid")");
    CHECK(text_of(json, "asOf") == R"("2026-11-21T12:00:00.000Z")");
    CHECK(text_of(json, "nextCheckAt") == R"("2026-11-21T12:01:00.000Z")");
    CHECK(json.find("sentences")->if_array()->size() > 1);
    CHECK(text_of(json, "openDiscrepancies") == "[]");
}

TEST_CASE("a payment may be tried again only on Clink's own word in this call") {
    const auto open = order_builder().attempt(session_status::open).get();
    CHECK(text_of(to_json_outcome(outcome_of(open, true)), "mayRetryPayment") == "true");
    CHECK(text_of(to_json_outcome(outcome_of(open, false)), "mayRetryPayment") == "false");
    CHECK(text_of(to_json_outcome(outcome_of(open, false)), "stale") == "true");
    CHECK(text_of(to_json_outcome(outcome_of(open, false)), "certainty") == R"("unknown")");
    const auto processing = order_builder().attempt(session_status::open, payment_status::processing).get();
    CHECK(text_of(to_json_outcome(outcome_of(processing, true)), "mayRetryPayment") == "false");
}

TEST_CASE("what a redirect says") {
    const auto open = order_builder().attempt(session_status::open).get();
    CHECK(redirect_status(outcome_of(open, true)) == "unpaid");
    CHECK(redirect_status(outcome_of(open, false)) == "processing");
    CHECK(redirect_status(outcome_of(order_builder().attempt(session_status::expired).get(), true))
          == "expired");
    const auto paid =
        order_builder().attempt(session_status::completed, payment_status::paid).payment().get();
    CHECK(redirect_status(outcome_of(paid, false)) == "paid");
    const auto few = order_builder()
                         .attempt(session_status::completed, payment_status::paid)
                         .payment(amount_verdict::short_paid)
                         .get();
    CHECK(redirect_status(outcome_of(few, true)) == "processing");
}
