#include "domain/terms.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

using namespace checkout;

namespace {

decimal dec(std::string_view text) {
    return decimal::parse(text).value();
}

checkout_terms minimal_terms() {
    checkout_terms terms;
    terms.original = {dec("49.90"), "USD"};
    terms.customer_email = "ada@example.com";
    line_item item;
    item.name = "Book";
    item.unit_amount = dec("49.90");
    terms.items.push_back(item);
    return terms;
}

checkout_terms full_terms() {
    checkout_terms terms = minimal_terms();
    terms.customer_id = "cus_1";
    terms.reference_customer_id = "ref-1";
    terms.items[0].quantity = 2;
    terms.items[0].unit_amount = dec("24.95");
    terms.items[0].currency = "USD";
    terms.items[0].image_url = "https://shop.example/book.png";
    terms.product_id = "prd_1";
    terms.price_id = "price_1";
    terms.mode = ui_mode::elements;
    terms.success_url = "https://shop.example/ok";
    terms.cancel_url = "https://shop.example/left";
    terms.return_url = "https://shop.example/back?s={ELEMENTS_SESSION_ID}";
    terms.payment_method_type = "CASHAPP";
    terms.payment_method_type_blacklist = {"KAKAO", "WECHAT"};
    terms.direct_payment_qr_code_method_type = "CASHAPP";
    terms.allow_promotion_codes = true;
    terms.promotion_code = "SPRING";
    terms.show_promotion_code = false;
    terms.local_price_only = false;
    terms.metadata = {{"a/b~c", "1"}, {"plain", ""}};
    terms.extra = {{"scheduledPhases", R"([{"sequence":1}])"}, {"x/y", "null"}};
    return terms;
}

} // namespace

TEST_CASE("terms: a minimal request is recorded with its defaults") {
    const recorded_terms expected = {{"/customerEmail", "ada@example.com"},
                                     {"/originalAmount", "49.90"},
                                     {"/originalCurrency", "USD"},
                                     {"/priceDataList/0/currency", "USD"},
                                     {"/priceDataList/0/name", "Book"},
                                     {"/priceDataList/0/quantity", "1"},
                                     {"/priceDataList/0/unitAmount", "49.90"},
                                     {"/uiMode", "hostedPage"}};
    CHECK(record(minimal_terms()) == expected);
}

TEST_CASE("terms: every field is recorded under its pointer") {
    const recorded_terms expected = {{"/allowPromotionCodes", "true"},
                                     {"/cancelUrl", "https://shop.example/left"},
                                     {"/customerEmail", "ada@example.com"},
                                     {"/customerId", "cus_1"},
                                     {"/directPaymentQrCodePaymentMethodType", "CASHAPP"},
                                     {"/extra/scheduledPhases", R"([{"sequence":1}])"},
                                     {"/extra/x~1y", "null"},
                                     {"/localPriceOnly", "false"},
                                     {"/metadata/a~1b~0c", "1"},
                                     {"/metadata/plain", ""},
                                     {"/originalAmount", "49.90"},
                                     {"/originalCurrency", "USD"},
                                     {"/paymentMethodType", "CASHAPP"},
                                     {"/paymentMethodTypeBlackList/0", "KAKAO"},
                                     {"/paymentMethodTypeBlackList/1", "WECHAT"},
                                     {"/priceDataList/0/currency", "USD"},
                                     {"/priceDataList/0/imageUrl", "https://shop.example/book.png"},
                                     {"/priceDataList/0/name", "Book"},
                                     {"/priceDataList/0/quantity", "2"},
                                     {"/priceDataList/0/unitAmount", "24.95"},
                                     {"/priceId", "price_1"},
                                     {"/productId", "prd_1"},
                                     {"/promotionCode", "SPRING"},
                                     {"/referenceCustomerId", "ref-1"},
                                     {"/returnUrl", "https://shop.example/back?s={ELEMENTS_SESSION_ID}"},
                                     {"/showPromotionCode", "false"},
                                     {"/successUrl", "https://shop.example/ok"},
                                     {"/uiMode", "elements"}};
    CHECK(record(full_terms()) == expected);
}

TEST_CASE("terms: spellings that mean the same are the same terms") {
    checkout_terms spelled_out = minimal_terms();
    spelled_out.original.amount = dec("49.9");
    spelled_out.items[0].unit_amount = dec("49.900");
    spelled_out.items[0].quantity = 1;
    spelled_out.items[0].currency = "USD";
    CHECK(record(spelled_out) == record(minimal_terms()));
    CHECK(fingerprint(record(spelled_out)) == fingerprint(record(minimal_terms())));
}

TEST_CASE("terms: a change of any field changes the fingerprint and is a conflict") {
    const std::vector<std::function<void(checkout_terms&)>> changes = {
        [](checkout_terms& t) { t.original.amount = dec("49.91"); },
        [](checkout_terms& t) { t.original.currency = "EUR"; },
        [](checkout_terms& t) { t.customer_id.reset(); },
        [](checkout_terms& t) { t.customer_email = "Ada@example.com"; },
        [](checkout_terms& t) { t.reference_customer_id = "ref-2"; },
        [](checkout_terms& t) { t.items[0].name = "book"; },
        [](checkout_terms& t) { t.items[0].quantity = 3; },
        [](checkout_terms& t) { t.items[0].unit_amount = dec("24.94"); },
        [](checkout_terms& t) { t.items[0].currency = "EUR"; },
        [](checkout_terms& t) { t.items[0].image_url.reset(); },
        [](checkout_terms& t) { t.items.push_back(t.items[0]); },
        [](checkout_terms& t) { t.items.clear(); },
        [](checkout_terms& t) { t.product_id = "prd_2"; },
        [](checkout_terms& t) { t.price_id.reset(); },
        [](checkout_terms& t) { t.mode = ui_mode::hosted_page; },
        [](checkout_terms& t) { t.success_url = "https://shop.example/ok?"; },
        [](checkout_terms& t) { t.cancel_url.reset(); },
        [](checkout_terms& t) { t.return_url.reset(); },
        [](checkout_terms& t) { t.payment_method_type = "CARD"; },
        [](checkout_terms& t) {
            t.payment_method_type_blacklist = {"WECHAT", "KAKAO"};
        },
        [](checkout_terms& t) { t.direct_payment_qr_code_method_type.reset(); },
        [](checkout_terms& t) { t.allow_promotion_codes = false; },
        [](checkout_terms& t) { t.promotion_code = "AUTUMN"; },
        [](checkout_terms& t) { t.show_promotion_code.reset(); },
        [](checkout_terms& t) { t.local_price_only = true; },
        [](checkout_terms& t) { t.metadata[0].second = "2"; },
        [](checkout_terms& t) { t.extra.pop_back(); }};
    const recorded_terms original = record(full_terms());
    for (std::size_t i = 0; i < changes.size(); ++i) {
        CAPTURE(i);
        checkout_terms changed = full_terms();
        changes[i](changed);
        CHECK(fingerprint(record(changed)) != fingerprint(original));
        CHECK_FALSE(find_conflicts(original, record(changed)).empty());
    }
}

TEST_CASE("terms: the fingerprint is the digest of length-prefixed pointers and values") {
    // printf '2:/a1:12:/b0:' | sha256sum
    CHECK(fingerprint({{"/a", "1"}, {"/b", ""}})
          == "b659867bd81a24596145af7c981781efbdceca882df3c5621ee0e0fc210bbe9f");
    CHECK(fingerprint({{"/a", "1"}, {"/b", "2"}}) != fingerprint({{"/a", "1/b2"}}));
    CHECK(fingerprint({{"/a", "x"}}) != fingerprint({{"/ax", ""}}));
    CHECK(fingerprint({}) != fingerprint({{"", ""}}));
}

TEST_CASE("terms: conflicts name what differs, in pointer order") {
    const recorded_terms recorded = {{"/a", "1"}, {"/b", "2"}, {"/d", "4"}};
    const recorded_terms requested = {{"/a", "1"}, {"/b", "3"}, {"/c", ""}};
    const std::vector<term_conflict> expected = {
        {"/b", "2", "3"}, {"/c", std::nullopt, ""}, {"/d", "4", std::nullopt}};
    CHECK(find_conflicts(recorded, requested) == expected);
    CHECK(find_conflicts(recorded, recorded).empty());
    CHECK(find_conflicts({}, {}).empty());
}

TEST_CASE("terms: the user interface's modes by name") {
    CHECK(to_string(ui_mode::hosted_page) == "hostedPage");
    CHECK(to_string(ui_mode::elements) == "elements");
    CHECK(find_ui_mode("hostedPage") == ui_mode::hosted_page);
    CHECK(find_ui_mode("elements") == ui_mode::elements);
    CHECK_FALSE(find_ui_mode("HostedPage"));
    CHECK_FALSE(find_ui_mode(""));
}
