#include "http/create_request.h"

#include "json/json.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace checkout;

namespace {

const std::string minimal = R"({"merchantOrderId":"ORD-1","originalAmount":"49.90","originalCurrency":"USD",
    "customerEmail":"ada@example.com","priceDataList":[{"name":"Mug","quantity":2,"unitAmount":24.95}]})";

json_value parsed(std::string_view text) {
    auto value = parse_json(text);
    REQUIRE_MESSAGE(value.has_value(), std::string(text));
    return std::move(*value);
}

/// The minimal request with a member set, or taken out where the text is empty.
std::string with(std::string_view name, std::string_view json, const std::string& base = minimal) {
    auto body = parsed(base);
    auto& members = *body.if_object();
    std::erase_if(members, [&](const json_member& member) { return member.name == name; });
    if (!json.empty())
        members.push_back({std::string(name), parsed(json)});
    return write_json(body);
}

std::string without(std::string_view name, const std::string& base = minimal) {
    return with(name, "", base);
}

/// Priced by ids instead of items, so that the amount is free.
std::string registered(std::string_view amount, std::string_view currency) {
    auto body = with("productId", R"("prd_1")", with("priceId", R"("price_1")", without("priceDataList")));
    return with("originalAmount", amount, with("originalCurrency", currency, body));
}

std::string with_item(std::string_view item) {
    return with("priceDataList", "[" + std::string(item) + "]");
}

create_request accepted(std::string_view body, const create_request_policy& policy = {}) {
    auto request = parse_create_request(body, policy);
    if (!request)
        for (const auto& error : request.error().errors)
            MESSAGE(error.pointer << ": " << error.message);
    REQUIRE_MESSAGE(request.has_value(), body);
    return std::move(*request);
}

std::vector<std::string> wrong_pointers(std::string_view body, const create_request_policy& policy = {}) {
    const auto request = parse_create_request(body, policy);
    REQUIRE_MESSAGE(request.has_error(), "accepted: " << body);
    CHECK(request.error().code == problem_code::validation_failed);
    std::vector<std::string> pointers;
    for (const auto& error : request.error().errors)
        pointers.push_back(error.pointer);
    return pointers;
}

using pointers = std::vector<std::string>;

bool refuses_order_id(const std::string& id) {
    const auto request = parse_create_request(with("merchantOrderId", write_json_string(id)), {});
    return !request && request.error().errors.front().pointer == "/merchantOrderId";
}

bool refuses_amount(std::string_view amount, std::string_view currency) {
    const auto request = parse_create_request(registered(amount, currency), {});
    return !request && request.error().errors.size() == 1
           && request.error().errors.front().pointer == "/originalAmount";
}

} // namespace

TEST_CASE("create request: a minimal request has the defaults") {
    const auto request = accepted(minimal);
    CHECK(request.order_id.str() == "ORD-1");
    CHECK_FALSE(request.supersede);
    const auto& terms = request.terms;
    CHECK(terms.original == money{decimal::parse("49.9").value(), "USD"});
    CHECK(terms.mode == ui_mode::hosted_page);
    CHECK(terms.customer_email == "ada@example.com");
    REQUIRE(terms.items.size() == 1);
    CHECK(terms.items[0].name == "Mug");
    CHECK(terms.items[0].quantity == 2);
    CHECK(terms.items[0].unit_amount == decimal::parse("24.95"));
    CHECK(terms.items[0].currency == "USD");
    CHECK_FALSE(terms.allow_promotion_codes);
    CHECK(terms.metadata.empty());
    CHECK(terms.extra.empty());
}

TEST_CASE("create request: every field arrives in its place") {
    const auto request = accepted(R"({
        "merchantOrderId": "ORD/2", "originalAmount": 1.250, "originalCurrency": "KWD",
        "customerId": "cus_1", "customerEmail": "a@b", "referenceCustomerId": "u-1",
        "productId": "prd_1", "priceId": "price_1", "uiMode": "elements",
        "successUrl": "https://shop.example/ok", "cancelUrl": "http://shop.example/no",
        "returnUrl": "https://shop.example/return?s={ELEMENTS_SESSION_ID}",
        "paymentMethodType": "CARD", "paymentMethodTypeBlackList": ["KAKAO", "PIX"],
        "directPaymentQrCodePaymentMethodType": "CASHAPP",
        "allowPromotionCodes": true, "promotionCode": "SAVE", "showPromotionCode": false, "localPriceOnly": true,
        "metadata": {"b": "2", "a": "1"}, "supersede": true,
        "extra": {"scheduledPhases": [{"quantity": 1.50}], "locale": null}})");
    CHECK(request.order_id.str() == "ORD/2");
    CHECK(request.supersede);
    const auto& terms = request.terms;
    CHECK(terms.original == money{decimal::parse("1.25").value(), "KWD"});
    CHECK(terms.customer_id == "cus_1");
    CHECK(terms.customer_email == "a@b");
    CHECK(terms.reference_customer_id == "u-1");
    CHECK(terms.product_id == "prd_1");
    CHECK(terms.price_id == "price_1");
    CHECK(terms.items.empty());
    CHECK(terms.mode == ui_mode::elements);
    CHECK(terms.success_url == "https://shop.example/ok");
    CHECK(terms.cancel_url == "http://shop.example/no");
    CHECK(terms.return_url == "https://shop.example/return?s={ELEMENTS_SESSION_ID}");
    CHECK(terms.payment_method_type == "CARD");
    CHECK(terms.payment_method_type_blacklist == pointers{"KAKAO", "PIX"});
    CHECK(terms.direct_payment_qr_code_method_type == "CASHAPP");
    CHECK(terms.allow_promotion_codes == true);
    CHECK(terms.promotion_code == "SAVE");
    CHECK(terms.show_promotion_code == false);
    CHECK(terms.local_price_only == true);
    CHECK(terms.metadata == std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "2"}});
    REQUIRE(terms.extra.size() == 2);
    CHECK(terms.extra[0].name == "locale");
    CHECK(terms.extra[1].json == R"([{"quantity":1.50}])");
}

TEST_CASE("create request: what does not parse is malformed JSON") {
    for (const auto& body :
         {std::string(), std::string("{"), minimal + "x", std::string(R"({"a":1,"a":2})"),
          std::string("{\"merchantOrderId\":\"\xff\"}"), std::string(33, '[') + std::string(33, ']')}) {
        const auto request = parse_create_request(body, {});
        REQUIRE(request.has_error());
        CHECK(request.error().code == problem_code::malformed_json);
        CHECK(request.error().errors.empty());
    }
}

TEST_CASE("create request: what parses but is no object is a wrong field") {
    for (const auto* body : {"[]", "1", "null", "\"text\""})
        CHECK(wrong_pointers(body) == pointers{""});
}

TEST_CASE("create request: every wrong field is named at once") {
    CHECK(wrong_pointers("{}")
          == pointers{"/customerId", "/merchantOrderId", "/originalAmount", "/originalCurrency",
                      "/priceDataList"});
    CHECK(wrong_pointers(
              R"({"merchantOrderId":" x","originalAmount":"1e3","originalCurrency":"usd","customerEmail":"no",
        "priceDataList":[{"quantity":0,"unitAmount":-1,"imageUrl":"x","colour":1}],"uiMode":"popup","successUrl":"/ok",
        "colour":"red","supersede":"yes"})")
          == pointers{"/colour", "/customerEmail", "/merchantOrderId", "/originalAmount", "/originalCurrency",
                      "/priceDataList/0/colour", "/priceDataList/0/imageUrl", "/priceDataList/0/name",
                      "/priceDataList/0/quantity", "/priceDataList/0/unitAmount", "/successUrl", "/supersede",
                      "/uiMode"});
}

TEST_CASE("create request: null is not a way to leave a field out") {
    CHECK(wrong_pointers(with("cancelUrl", "null")) == pointers{"/cancelUrl"});
    CHECK(wrong_pointers(with("merchantOrderId", "null")) == pointers{"/merchantOrderId"});
    CHECK(wrong_pointers(with_item(R"({"name":"Mug","unitAmount":49.90,"imageUrl":null})"))
          == pointers{"/priceDataList/0/imageUrl"});
}

TEST_CASE("create request: unknown fields are refused by name, in their pointer's spelling") {
    CHECK(wrong_pointers(with("merchantReferenceId", R"("x")")) == pointers{"/merchantReferenceId"});
    CHECK(wrong_pointers(with("MerchantOrderId", R"("x")")) == pointers{"/MerchantOrderId"});
    CHECK(wrong_pointers(with("a/b~c", "1")) == pointers{"/a~1b~0c"});
}

TEST_CASE("create request: merchant order ids that are taken as they are") {
    for (const std::string id :
         {"1", "a b", "a/b?c=d&e#f%20", "...", "Null", "b\xc3\xbc\x63her", "\xf0\x9f\x9b\x92", "\"\\"})
        CHECK(accepted(with("merchantOrderId", write_json_string(id))).order_id.str() == id);
    CHECK(accepted(with("merchantOrderId", write_json_string(std::string(128, 'a')))).order_id.str().size()
          == 128);
}

TEST_CASE("create request: merchant order ids that are refused") {
    for (const std::string id :
         {"", " ", "null", ".", "..", " a", "a ", "\ta", "a\n", "a\x01z", "a\x7fz", "a\xc2\x85z",
          "a\xc2\x9fz", "\xc2\xa0z", "a\xe2\x80\xa8", "\xe3\x80\x80z", "a\xe2\x80\x83", "\xef\xbb\xbfz"})
        CHECK_MESSAGE(refuses_order_id(id), write_json_string(id));
    CHECK(refuses_order_id(std::string(129, 'a')));
    CHECK(refuses_order_id(std::string(127, 'a') + "\xc3\xbc"));
    CHECK(wrong_pointers(with("merchantOrderId", "17")) == pointers{"/merchantOrderId"});
    CHECK(wrong_pointers(with("merchantOrderId", R"("a\u0000b")")) == pointers{"/merchantOrderId"});
}

TEST_CASE("create request: amounts are exact, as numbers and as strings") {
    for (const auto* amount : {"49.90", "\"49.90\"", "49.9", "\"49.9\""})
        CHECK(accepted(registered(amount, R"("USD")")).terms.original.amount == decimal::parse("49.9"));
    CHECK(accepted(registered("999999999999999.99", R"("USD")")).terms.original.amount.to_string(2)
          == "999999999999999.99");
    CHECK(accepted(registered("0.01", R"("USD")")).terms.original.amount.to_string(2) == "0.01");
    CHECK(accepted(registered("500", R"("JPY")")).terms.original.amount.to_string(0) == "500");
    CHECK(accepted(registered("\"1.250\"", R"("KWD")")).terms.original.amount.to_string(3) == "1.250");
}

TEST_CASE("create request: amounts that are refused") {
    for (const auto* amount :
         {"0",          "0.00",      "-1",           "\"-1\"", "1e3",    "\"1E3\"", "1000000000000000",
          "\"\"",       "\"abc\"",   "\"1,5\"",      "\" 1\"", "\"1 \"", "\"+1\"",  "\"1.\"",
          "\".5\"",     "\"0x10\"",  "\"Infinity\"", "true",   "[]",     "{}",      "49.901",
          "\"49.901\"", "\"49.900\""})
        CHECK_MESSAGE(refuses_amount(amount, R"("USD")"), amount);
    CHECK(refuses_amount("500.5", R"("JPY")"));
    CHECK(refuses_amount("\"500.00\"", R"("JPY")"));
    CHECK(refuses_amount("1.2345", R"("KWD")"));
}

TEST_CASE("create request: currencies are of ISO 4217, in upper case") {
    for (const auto* currency : {R"("usd")", R"("XYZ")", R"("US")", R"("USDX")", R"("")", "840"})
        CHECK(wrong_pointers(registered("1", currency)) == pointers{"/originalCurrency"});
}

TEST_CASE("create request: one customer identifier is enough, and none is not") {
    CHECK(wrong_pointers(without("customerEmail")) == pointers{"/customerId"});
    for (const auto* name : {"customerId", "referenceCustomerId"}) {
        CHECK(accepted(with(name, R"("x")", without("customerEmail"))).order_id.str() == "ORD-1");
        for (const auto* value : {R"("")", R"(" ")", R"("a\u0007b")", "1"})
            CHECK(wrong_pointers(with(name, value, without("customerEmail")))
                  == pointers{"/" + std::string(name)});
    }
}

TEST_CASE("create request: an e-mail address is local@domain") {
    for (const auto* email :
         {"a@b", "first.last+tag@mail.example.com", "j\xc3\xbcrgen@b\xc3\xbc\x63her.example"})
        CHECK(accepted(with("customerEmail", write_json_string(email))).terms.customer_email == email);
    for (const std::string email :
         {"", "a", "@b", "a@", "a@@b", "a b@c", "a@b c", "a@.b", "a@b.", "a@b..c", "<a@b>", "a@b@c", "a@b\n"})
        CHECK_MESSAGE(wrong_pointers(with("customerEmail", write_json_string(email)))
                          == pointers{"/customerEmail"},
                      email);
    CHECK(wrong_pointers(with("customerEmail", write_json_string("a@" + std::string(253, 'b'))))
          == pointers{"/customerEmail"});
}

TEST_CASE("create request: exactly one way of pricing") {
    CHECK(wrong_pointers(without("priceDataList")) == pointers{"/priceDataList"});
    CHECK(wrong_pointers(with("productId", R"("prd_1")", without("priceDataList"))) == pointers{"/priceId"});
    CHECK(wrong_pointers(with("priceId", R"("price_1")", without("priceDataList")))
          == pointers{"/productId"});
    CHECK(wrong_pointers(with("priceId", R"("price_1")")) == pointers{"/priceId"});
    CHECK(wrong_pointers(with("priceId", R"("price_1")", with("productId", R"("prd_1")")))
          == pointers{"/priceId", "/productId"});
}

TEST_CASE("create request: the items must come to the amount, exactly") {
    CHECK(wrong_pointers(with("originalAmount", "49.91")) == pointers{"/originalAmount"});
    CHECK(wrong_pointers(with("originalAmount", "24.95")) == pointers{"/originalAmount"});
    CHECK(accepted(with("originalAmount", "0.30", with("priceDataList", R"([{"name":"a","unitAmount":0.1},
        {"name":"b","unitAmount":"0.20"}])")))
              .terms.items.size()
          == 2);
    CHECK(wrong_pointers(with("originalAmount", "999999999999999",
                              with_item(R"({"name":"a","quantity":1000000,"unitAmount":999999999999999})")))
          == pointers{"/originalAmount"});
}

TEST_CASE("create request: a sum is not judged by what cannot be read") {
    CHECK(wrong_pointers(with_item(R"({"name":"a","quantity":"2","unitAmount":1})"))
          == pointers{"/priceDataList/0/quantity"});
    CHECK(wrong_pointers(with_item(R"({"name":"a"})")) == pointers{"/priceDataList/0/unitAmount"});
    CHECK(wrong_pointers(with("originalAmount", "-1")) == pointers{"/originalAmount"});
}

TEST_CASE("create request: items are checked one by one") {
    CHECK(wrong_pointers(with_item("1")) == pointers{"/priceDataList/0"});
    CHECK(wrong_pointers(with_item("null")) == pointers{"/priceDataList/0"});
    CHECK(wrong_pointers(with_item(R"({"name":" ","unitAmount":49.90})"))
          == pointers{"/priceDataList/0/name"});
    CHECK(wrong_pointers(with_item(R"({"name":"a","unitAmount":49.90,"currency":"EUR"})"))
          == pointers{"/priceDataList/0/currency"});
    CHECK(wrong_pointers(with_item(R"({"name":"a","unitAmount":49.901})"))
          == pointers{"/priceDataList/0/unitAmount"});
    CHECK(
        accepted(
            with_item(
                R"({"name":"a","unitAmount":49.90,"currency":"USD","imageUrl":"https://cdn.example/a.png"})"))
            .terms.items[0]
            .image_url
        == "https://cdn.example/a.png");
    for (const auto* quantity : {"0", "-1", "1.0", "1e0", "2147483648", "\"1\"", "99999999999999999999"})
        CHECK(wrong_pointers(
                  with_item(R"({"name":"a","unitAmount":1,"quantity":)" + std::string(quantity) + "}"))
              == pointers{"/priceDataList/0/quantity"});
}

TEST_CASE("create request: there are 1 to 100 items") {
    const auto list = [](int count) {
        std::string text;
        for (int i = 0; i < count; ++i)
            text += std::string(i ? "," : "") + R"({"name":"a","unitAmount":1})";
        return "[" + text + "]";
    };
    CHECK(accepted(with("originalAmount", "100", with("priceDataList", list(100)))).terms.items.size()
          == 100);
    CHECK(wrong_pointers(with("originalAmount", "101", with("priceDataList", list(101))))
          == pointers{"/priceDataList"});
    CHECK(wrong_pointers(with("priceDataList", "[]")) == pointers{"/priceDataList"});
    CHECK(wrong_pointers(with("priceDataList", "{}")) == pointers{"/priceDataList"});
}

TEST_CASE("create request: elements needs a return URL") {
    CHECK(wrong_pointers(with("uiMode", R"("elements")")) == pointers{"/returnUrl"});
    CHECK(accepted(with("uiMode", R"("elements")", with("returnUrl", R"("https://a/")"))).terms.mode
          == ui_mode::elements);
    CHECK(wrong_pointers(with("uiMode", R"("HostedPage")")) == pointers{"/uiMode"});
}

TEST_CASE("create request: redirects go to allowed hosts only") {
    const create_request_policy policy{{parse_host_rule("shop.example").value()}};
    for (const auto* name : {"successUrl", "cancelUrl", "returnUrl"}) {
        const auto pointer = "/" + std::string(name);
        CHECK(accepted(with(name, R"("https://Shop.example/x")"), policy).order_id.str() == "ORD-1");
        CHECK(accepted(with(name, R"("https://evil.example/x")")).order_id.str() == "ORD-1");
        for (const std::string url :
             {"https://evil.example/x", "https://shop.example@evil.example/",
              "https://shop.example.evil.example/", "javascript:alert(1)", "https:///x", "//shop.example/",
              "https://shop.example\\@evil.example/", ""})
            CHECK_MESSAGE(wrong_pointers(with(name, write_json_string(url)), policy) == pointers{pointer},
                          url);
        CHECK(wrong_pointers(with(name, "1"), policy) == pointers{pointer});
    }
    CHECK(accepted(with_item(R"({"name":"a","unitAmount":49.90,"imageUrl":"https://cdn.example/a"})"), policy)
              .terms.items.size()
          == 1);
}

TEST_CASE("create request: payment methods are an open set of names") {
    CHECK(accepted(with("paymentMethodType", R"("NEW_METHOD_2")")).terms.payment_method_type
          == "NEW_METHOD_2");
    for (const auto* name : {"paymentMethodType", "directPaymentQrCodePaymentMethodType"})
        for (const auto* value : {R"("")", R"("card")", R"("A B")", R"("2FAST")", "1"})
            CHECK(wrong_pointers(with(name, value)) == pointers{"/" + std::string(name)});
    CHECK(wrong_pointers(with("paymentMethodType", write_json_string(std::string(41, 'A'))))
          == pointers{"/paymentMethodType"});
    CHECK(accepted(with("paymentMethodTypeBlackList", "[]")).terms.payment_method_type_blacklist.empty());
    CHECK(wrong_pointers(with("paymentMethodTypeBlackList", R"(["PIX","pix","PIX"])"))
          == pointers{"/paymentMethodTypeBlackList/1", "/paymentMethodTypeBlackList/2"});
    CHECK(wrong_pointers(with("paymentMethodTypeBlackList", R"("PIX")"))
          == pointers{"/paymentMethodTypeBlackList"});
}

TEST_CASE("create request: a promotion code that Clink would ignore is refused") {
    const auto code = with("promotionCode", R"("SAVE")");
    CHECK(wrong_pointers(code) == pointers{"/promotionCode"});
    CHECK(wrong_pointers(with("allowPromotionCodes", "false", code)) == pointers{"/promotionCode"});
    CHECK(accepted(with("allowPromotionCodes", "true", code)).terms.promotion_code == "SAVE");
    CHECK(wrong_pointers(with("showPromotionCode", "false", with("allowPromotionCodes", "true")))
          == pointers{"/promotionCode"});
    CHECK(wrong_pointers(with("allowPromotionCodes", "1", code)) == pointers{"/allowPromotionCodes"});
}

TEST_CASE("create request: flags are true or false") {
    for (const auto* name : {"allowPromotionCodes", "showPromotionCode", "localPriceOnly", "supersede"})
        for (const auto* value : {"1", R"("true")", "[]"})
            CHECK(wrong_pointers(with(name, value)) == pointers{"/" + std::string(name)});
}

TEST_CASE("create request: metadata is strings within Clink's limits") {
    const auto keys = [](int count) {
        std::string text;
        for (int i = 0; i < count; ++i)
            text += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":\"v\"";
        return "{" + text + "}";
    };
    CHECK(accepted(with("metadata", keys(19))).terms.metadata.size() == 19);
    CHECK(wrong_pointers(with("metadata", keys(20))) == pointers{"/metadata"});
    CHECK(wrong_pointers(with("metadata", "[]")) == pointers{"/metadata"});
    CHECK(wrong_pointers(with("metadata", R"({"a":1,"b":null,"":"x","checkoutAttemptId":"x"})"))
          == pointers{"/metadata/", "/metadata/a", "/metadata/b", "/metadata/checkoutAttemptId"});
    CHECK(wrong_pointers(with("metadata", R"({"CheckoutAttemptID":"x"})"))
          == pointers{"/metadata/CheckoutAttemptID"});
}

TEST_CASE("create request: metadata's limits count characters, not bytes") {
    const auto repeated = [](int count) {
        std::string text;
        for (int i = 0; i < count; ++i)
            text += "\xc3\xbc";
        return text;
    };
    const auto metadata = [&](int key, int value) {
        return "{\"" + repeated(key) + "\":\"" + repeated(value) + "\"}";
    };
    CHECK(accepted(with("metadata", metadata(40, 500))).terms.metadata.size() == 1);
    CHECK(wrong_pointers(with("metadata", metadata(41, 500))).size() == 1);
    CHECK(wrong_pointers(with("metadata", metadata(40, 501))).size() == 1);
}

TEST_CASE("create request: extra may not overrule what this service has or sends") {
    for (const auto* name :
         {"merchantReferenceId", "MERCHANTREFERENCEID", "originalamount", "successurl", "extra", "supersede",
          "Metadata", "checkoutAttemptId", "unitAmount", "customerid"})
        CHECK(wrong_pointers(with("extra", R"({")" + std::string(name) + R"(":1})"))
              == pointers{"/extra/" + std::string(name)});
    // U+017F and U+212A fold to s and k for some readers.
    for (const auto* name : {"\xc5\xbfuccessUrl",
                             "\xe2\x84\xaa"
                             "ey",
                             "", "a b", "a.b"})
        CHECK(wrong_pointers(with("extra", "{" + write_json_string(name) + ":1}")).size() == 1);
}

TEST_CASE("create request: extra keeps its number tokens and sorts its members") {
    const auto terms =
        accepted(with("extra", R"({"b":{"y":1.50,"x":1e3},"a":[12345678901234567890.10]})")).terms;
    REQUIRE(terms.extra.size() == 2);
    CHECK(terms.extra[0].name == "a");
    CHECK(terms.extra[0].json == "[12345678901234567890.10]");
    CHECK(terms.extra[1].json == R"({"x":1e3,"y":1.50})");
}

TEST_CASE("create request: extra has a limit of depth and size") {
    CHECK(accepted(with("extra", R"({"a":[[[[1]]]]})")).terms.extra.size() == 1);
    CHECK(wrong_pointers(with("extra", R"({"a":[[[[[1]]]]]})")) == pointers{"/extra"});
    CHECK(wrong_pointers(with("extra", R"({"a":[[[[{}]]]]})")) == pointers{"/extra"});
    CHECK(accepted(with("extra", R"({"a":")" + std::string(16 * 1024 - 8, 'x') + "\"}")).terms.extra.size()
          == 1);
    CHECK(wrong_pointers(with("extra", R"({"a":")" + std::string(16 * 1024 - 7, 'x') + "\"}"))
          == pointers{"/extra"});
    CHECK(wrong_pointers(with("extra", "[]")) == pointers{"/extra"});
}

TEST_CASE("create request: U+0000 is refused wherever it stands") {
    CHECK(wrong_pointers(with("metadata", R"({"a":"x\u0000y","b\u0000":"z"})"))
          == pointers{"/metadata/a", std::string("/metadata/b\0", 12)});
    CHECK(wrong_pointers(with("extra", R"({"a":{"b":["\u0000"]}})")) == pointers{"/extra/a/b/0"});
    CHECK(wrong_pointers(with("extra", R"({"a":{"\u0000":1}})")) == pointers{std::string("/extra/a/\0", 10)});
    CHECK(accepted(with("metadata", R"({"a":"\\u0000"})")).terms.metadata[0].second == "\\u0000");
}

TEST_CASE("create request: an answer lists a bounded number of faults") {
    std::string body = "{";
    for (int i = 0; i < 3000; ++i)
        body += (i ? ",\"f" : "\"f") + std::to_string(i) + "\":1";
    CHECK(wrong_pointers(body + "}").size() == 1000);
}
