// Clink's wire details: signatures, redirects, amounts and the bodies of calls.
#include "bend.h"
#include "create_request.h"
#include "faults.h"
#include "money.h"
#include "redirect_url.h"
#include "webhook_body.h"

#include <doctest/doctest.h>

using namespace clink_twin;

namespace {

json_value parsed(std::string_view text) {
    auto value = checkout::parse_json(text);
    REQUIRE(value.has_value());
    return *value;
}

std::string scaled(const char* amount, const char* factor, int shift, int digits) {
    auto result = scale_amount(*decimal::parse(amount), *decimal::parse(factor), shift, digits);
    return result ? result->to_string() : "nothing";
}

std::string refusal_of(std::string_view body) {
    auto terms = read_create_request(parsed(body), true);
    return terms ? "" : terms.error().message;
}

} // namespace

TEST_CASE("signatures equal the vectors of clink-api.md 5.3") {
    constexpr auto secret = "whsec_local_simulator_key";
    constexpr auto first =
        R"({"id":"event_vec_1","object":"event","created":1790000000000,"type":"order.succeeded",)"
        R"("data":{"object":{"orderId":"order_vec_1"}}})";
    constexpr auto second =
        R"({"id":"event_vec_2","object":"event","created":1790000000001,"type":"session.complete",)"
        R"("data":{"object":{"merchantReferenceId":"r\u00e9f-1","note":"é"}}})";
    CHECK(sign_body(secret, "1790000000000", first)
          == "c5110d2cf2db49b1a7f9f3b391de79d8d72780eaffb314b4b692d5ac75520f67");
    CHECK(sign_body(secret, "1790000000", first)
          == "7c554c63027367d0e3dbeae185855db2b51b444802a984e2714b151df6381d9a");
    CHECK(sign_body(secret, "1790000000001", second)
          == "fd16f1e07b6a1c78b9dfcc0fa5a8941a744b8df8a9ded3ae81c9d3af4628f143");
}

TEST_CASE("sessionId is appended to any success URL") {
    CHECK(append_session_id("https://shop.example", "s") == "https://shop.example?sessionId=s");
    CHECK(append_session_id("https://shop.example/?a=b", "s") == "https://shop.example/?a=b&sessionId=s");
    CHECK(append_session_id("https://shop.example/ok#top", "s") == "https://shop.example/ok?sessionId=s#top");
    CHECK(append_session_id("https://shop.example/?a#b?c", "s") == "https://shop.example/?a&sessionId=s#b?c");
    CHECK(append_session_id("https://shop.example/?", "s") == "https://shop.example/?sessionId=s");
}

TEST_CASE("an elements session returns to returnUrl with its placeholder replaced") {
    session of;
    of.id = "sess_1";
    of.terms.mode = ui_mode::elements;
    of.terms.success_url = "https://shop.example/never";
    of.terms.return_url = "https://shop.example/done?id={ELEMENTS_SESSION_ID}";
    CHECK(url_after_success(of) == "https://shop.example/done?id=sess_1");
    of.terms.return_url = "javascript:alert(1)";
    CHECK_FALSE(url_after_success(of));
}

TEST_CASE("conversion rounds half up to the currency's digits") {
    CHECK(scaled("9.99", "5.3313", 0, 2) == "53.26");
    CHECK(scaled("10", "150.5", 0, 0) == "1505");
    CHECK(scaled("0.01", "0.5", 0, 2) == "0.01");
    CHECK(scaled("0.01", "0.49", 0, 2) == "0");
    CHECK(scaled("49.90", "10", 2, 2) == "4.99");
    CHECK(scaled("1", "1", 0, 3) == "1");
    CHECK(scaled("999.995", "1", 0, 2) == "1000");
    CHECK(scaled("0.5", "1", 0, 0) == "1");
}

TEST_CASE("amounts for the eye have the currency's digits and grouped thousands") {
    CHECK(format_amount(*decimal::parse("49.9"), "USD") == "49.90");
    CHECK(format_amount(*decimal::parse("1234567.5"), "USD") == "1,234,567.50");
    CHECK(format_amount(*decimal::parse("500"), "JPY") == "500");
    CHECK(format_amount(*decimal::parse("12500"), "JPY") == "12,500");
    CHECK(format_amount(*decimal::parse("1.25"), "KWD") == "1.250");
}

TEST_CASE("a create call needs an amount over zero and a currency") {
    CHECK(refusal_of(R"({"originalAmount":4.99,"originalCurrency":"USD"})").empty());
    CHECK(refusal_of(R"({"originalAmount":"9.90","originalCurrency":"USD"})").empty());
    CHECK_FALSE(refusal_of(R"({"originalAmount":0,"originalCurrency":"USD"})").empty());
    CHECK_FALSE(refusal_of(R"({"originalAmount":-1,"originalCurrency":"USD"})").empty());
    CHECK_FALSE(refusal_of(R"({"originalAmount":4.99,"originalCurrency":"usd"})").empty());
    CHECK_FALSE(refusal_of(R"({"originalAmount":4.99})").empty());
    CHECK_FALSE(refusal_of(R"([1])").empty());
}

TEST_CASE("strictly, items add up and modes do not mix") {
    auto with = [](std::string members) {
        return refusal_of(R"({"originalAmount":10.00,"originalCurrency":"USD",)" + members + "}");
    };
    CHECK(with(R"("priceDataList":[{"name":"a","unitAmount":2.5,"quantity":4}])").empty());
    CHECK_FALSE(with(R"("priceDataList":[{"name":"a","unitAmount":2.5}])").empty());
    CHECK_FALSE(with(R"("priceDataList":[{"name":"a","unitAmount":10,"currency":"EUR"}])").empty());
    CHECK_FALSE(with(R"("priceDataList":[{"name":"a","unitAmount":0}])").empty());
    CHECK(with(R"("productId":"prd_1","priceId":"price_1")").empty());
    CHECK_FALSE(with(R"("productId":"prd_1")").empty());
    CHECK_FALSE(with(R"("uiMode":"elements")").empty());
    CHECK(with(R"("uiMode":"elements","returnUrl":"https://shop.example/{ELEMENTS_SESSION_ID}")").empty());
    CHECK_FALSE(with(R"("metadata":{"a":1})").empty());
    CHECK_FALSE(with(R"("paymentMethodType":"GOLD")").empty());
}

TEST_CASE("amounts are bent exactly") {
    auto tree =
        parsed(R"({"originalAmount":49.9,"rows":[{"unitAmount":1.250,"amountTotal":null,"code":200}]})");
    auto scaled_tree = tree;
    scale_amounts(scaled_tree, decimal::from_integer(100));
    CHECK(checkout::write_json(scaled_tree)
          == R"({"originalAmount":4990,"rows":[{"unitAmount":125,"amountTotal":null,"code":200}]})");
    stringify_amounts(tree);
    CHECK(checkout::write_json(tree)
          == R"({"originalAmount":"49.90","rows":[{"unitAmount":"1.25","amountTotal":null,"code":200}]})");
}

TEST_CASE("faults are taken in their order, as often as they say, by the calls they want") {
    fault_queue faults;
    faults.add(read_fault(parsed(R"({"operation":"create","fault":"reset","match":"order-2"})")));
    faults.add(read_fault(parsed(R"({"fault":"lost_answer","count":2,"skip":1})")));
    http_request first;
    first.body = R"({"merchantReferenceId":"order-1"})";
    http_request second;
    second.body = R"({"merchantReferenceId":"order-2"})";
    CHECK_FALSE(faults.take(api_operation::create, first)); // the second fault's skip
    CHECK(faults.take(api_operation::create, second)->kind == fault_kind::reset);
    CHECK(faults.take(api_operation::create, second)->kind == fault_kind::lost_answer);
    CHECK(faults.take(api_operation::get_order, first)->kind == fault_kind::lost_answer);
    CHECK_FALSE(faults.take(api_operation::create, first));
    CHECK(faults.all().empty());
}

TEST_CASE("a fault that nobody knows is refused by name") {
    CHECK_THROWS_AS(read_fault(parsed(R"({"fault":"gremlin"})")), control_error);
    CHECK_THROWS_AS(read_fault(parsed(R"({"fault":"reset","operation":"dance"})")), control_error);
}
