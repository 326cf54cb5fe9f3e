#include "clink/create_command.h"
#include "clink/wire.h"
#include "clink/wire_values.h"

#include <doctest/doctest.h>

using namespace checkout;

namespace {

json_value parsed(std::string_view text) {
    auto value = parse_json(text);
    REQUIRE_MESSAGE(value.has_value(), text);
    return *value;
}

decimal amount(std::string_view text) {
    const auto value = decimal::parse(text);
    REQUIRE_MESSAGE(value.has_value(), text);
    return *value;
}

create_command command_for(std::string_view original_amount, std::string currency) {
    create_command command;
    command.order_id = merchant_order_id("order-1");
    command.attempt = attempt_id("a1");
    command.terms.original = {amount(original_amount), std::move(currency)};
    return command;
}

instant at(std::string_view text) {
    return parse_rfc3339(text).value();
}

std::optional<decimal> amount_of(std::string_view json) {
    const auto value = parsed(json);
    return read_amount(&value);
}

std::optional<instant> instant_of(std::string_view json) {
    const auto value = parsed(json);
    return read_instant(&value);
}

std::optional<std::string> text_of(std::string_view json) {
    const auto value = parsed(json);
    return read_text(&value);
}

order_facts order_of(std::string_view members) {
    const auto order = read_order_facts(parsed(R"({"orderId":"order_1")" + std::string(members) + "}"));
    REQUIRE(order.has_value());
    return *order;
}

session_facts session_of(std::string_view members) {
    const auto session = read_session_facts(parsed(R"({"sessionId":"sess_1")" + std::string(members) + "}"));
    REQUIRE(session.has_value());
    return *session;
}

} // namespace

TEST_CASE("clink wire: a create body holds only what is set") {
    auto command = command_for("500", "JPY");
    command.terms.customer_email = "a@b.example";
    CHECK(
        write_create_body(command)
        == R"({"customerEmail":"a@b.example","originalAmount":500,"originalCurrency":"JPY",)"
           R"("merchantReferenceId":"order-1","uiMode":"hostedPage","metadata":{"checkoutAttemptId":"a1"}})");
}

TEST_CASE("clink wire: a create body holds everything that is set, under Clink's names") {
    auto command = command_for("49.90", "USD");
    auto& terms = command.terms;
    terms.customer_id = "cus_1";
    terms.customer_email = "a@b.example";
    terms.reference_customer_id = "ref-1";
    terms.items = {{"Tea \"green\"", amount("4.99"), 10, "USD", "https://img.example/tea.png"},
                   {"Cup", amount("0.001"), 1, std::nullopt, std::nullopt}};
    terms.product_id = "prd_1";
    terms.price_id = "price_1";
    terms.mode = ui_mode::elements;
    terms.success_url = "https://caller.example/not-this-one";
    terms.return_url = "https://shop.example/r?session_id={ELEMENTS_SESSION_ID}&a=%7B";
    terms.payment_method_type = "CARD";
    terms.payment_method_type_blacklist = {"KAKAO", "WECHAT"};
    terms.direct_payment_qr_code_method_type = "QRIS";
    terms.allow_promotion_codes = true;
    terms.promotion_code = "TEN";
    terms.show_promotion_code = false;
    terms.local_price_only = true;
    terms.metadata = {{"checkoutAttemptId", "forged"}, {"color", "blue"}};
    terms.extra = {{"fee", R"({"rate":1.2300e-2,"list":[1.0]})"}, {"big\"name", "12345678901234567890.10"}};
    command.success_url = "https://checkout.example/checkout/success";
    command.cancel_url = "https://checkout.example/checkout/cancel/t";

    CHECK(write_create_body(command)
          == R"({"customerId":"cus_1","customerEmail":"a@b.example","referenceCustomerId":"ref-1",)"
             R"("originalAmount":49.9,"originalCurrency":"USD","merchantReferenceId":"order-1",)"
             R"("productId":"prd_1","priceId":"price_1",)"
             R"("priceDataList":[{"name":"Tea \"green\"","unitAmount":4.99,"quantity":10,"currency":"USD",)"
             R"("imageUrl":"https://img.example/tea.png"},{"name":"Cup","unitAmount":0.001,"quantity":1}],)"
             R"("uiMode":"elements","successUrl":"https://checkout.example/checkout/success",)"
             R"("cancelUrl":"https://checkout.example/checkout/cancel/t",)"
             R"("returnUrl":"https://shop.example/r?session_id={ELEMENTS_SESSION_ID}&a=%7B",)"
             R"("paymentMethodType":"CARD","paymentMethodTypeBlackList":["KAKAO","WECHAT"],)"
             R"("directPaymentQrCodePaymentMethodType":"QRIS","allowPromotionCodes":true,)"
             R"("promotionCode":"TEN","showPromotionCode":false,"localPriceOnly":true,)"
             R"("metadata":{"color":"blue","checkoutAttemptId":"a1"},)"
             R"("fee":{"rate":1.2300e-2,"list":[1.0]},"big\"name":12345678901234567890.10})");
}

TEST_CASE("clink wire: amounts go out as plain decimal tokens") {
    const auto sent = [](std::string_view text) {
        const auto body = parsed(write_create_body(command_for(text, "USD")));
        return body.find("originalAmount")->if_number()->token;
    };
    CHECK(sent("49.90") == "49.9");
    CHECK(sent("500") == "500");
    CHECK(sent("1.250") == "1.25");
    CHECK(sent("4.99") == "4.99");
    CHECK(sent("100000000000000") == "100000000000000");
    CHECK(sent("999999999999999.99") == "999999999999999.99");
    CHECK(sent("0.000001") == "0.000001");
}

TEST_CASE("clink wire: amounts come in exactly, as number or string, or not at all") {
    CHECK(amount_of("4.99") == amount("4.99"));
    CHECK(amount_of("49.90") == amount("49.9"));
    CHECK(amount_of("\"20.00\"") == amount("20"));
    CHECK(amount_of("\" 20 \"") == amount("20"));
    CHECK(amount_of("1.250") == amount("1.25"));
    CHECK(amount_of("4.99E1") == amount("49.9"));
    CHECK(amount_of("999999999999999.99") == amount("999999999999999.99"));
    CHECK_FALSE(amount_of("1000000000000000"));
    CHECK_FALSE(amount_of("1e15"));
    CHECK_FALSE(amount_of("null"));
    CHECK_FALSE(amount_of("\"\""));
    CHECK_FALSE(amount_of("\"USD 20\""));
    CHECK_FALSE(amount_of("true"));
    CHECK_FALSE(amount_of("{}"));
    CHECK_FALSE(read_amount(nullptr));
}

TEST_CASE("clink wire: times come in as ISO text or Unix time") {
    const auto expected = at("2026-11-21T08:53:53Z");
    CHECK(instant_of("\"2026-11-21T08:53:53Z\"") == expected);
    CHECK(instant_of("\"2026-11-21T10:53:53.000+02:00\"") == expected);
    CHECK(instant_of("\"2026-11-21T10:53:53.000+0200\"") == expected);
    CHECK(instant_of("1795251233000") == expected);
    CHECK(instant_of("1795251233") == expected);
    CHECK(instant_of("\"1795251233000\"") == expected);
    CHECK_FALSE(instant_of("\"2026-11-21T08:53:53\""));
    CHECK_FALSE(instant_of("\"tomorrow\""));
    CHECK_FALSE(instant_of("0"));
    CHECK_FALSE(instant_of("-1795251233"));
    CHECK_FALSE(instant_of("999999999999999"));
    CHECK_FALSE(instant_of("1795251233.5"));
    CHECK_FALSE(instant_of("null"));
}

TEST_CASE("clink wire: text that says nothing is absent") {
    CHECK(text_of("\"order-1\"") == "order-1");
    CHECK(text_of("12345") == "12345");
    CHECK_FALSE(text_of("\"null\""));
    CHECK_FALSE(text_of("\" \""));
    CHECK_FALSE(text_of("\"\""));
    CHECK_FALSE(text_of("null"));
    CHECK_FALSE(text_of("\"a\\u0000b\""));
    CHECK_FALSE(text_of("[]"));
}

TEST_CASE("clink wire: a create's answer") {
    const auto data = parsed(R"({"sessionId":"sess_abc","tokenValue":"secret","customerId":"cus_1",
        "originalAmount":99.99,"originalCurrency":"usd","url":"https://pay.example/pay/sess_abc%23t",
        "merchantReferenceId":"order-1","expireTime":"2026-11-21T08:53:53Z","uiMode":"hostedPage",
        "new":{}})");
    const auto created = read_created_session(data, ui_mode::hosted_page);
    REQUIRE(created);
    CHECK(created->session_id == clink_session_id("sess_abc"));
    CHECK(created->url == "https://pay.example/pay/sess_abc%23t");
    CHECK(created->customer_id == "cus_1");
    CHECK(created->original_amount == amount("99.99"));
    CHECK(created->original_currency == "USD");
    CHECK(created->merchant_reference_id == "order-1");
    CHECK(created->expire_time == at("2026-11-21T08:53:53Z"));
}

TEST_CASE("clink wire: a create's answer needs a session id, and a url for a hosted page") {
    const auto read = [](std::string_view text, ui_mode mode) {
        return read_created_session(parsed(text), mode).has_value();
    };
    CHECK(read(R"({"sessionId":"s","url":"https://u"})", ui_mode::hosted_page));
    CHECK(read(R"({"sessionId":"s"})", ui_mode::elements));
    CHECK(read(R"({"sessionId":"s","url":null})", ui_mode::elements));
    CHECK_FALSE(read(R"({"sessionId":"s","url":""})", ui_mode::hosted_page));
    CHECK_FALSE(read(R"({"sessionId":"s"})", ui_mode::hosted_page));
    CHECK_FALSE(read(R"({"url":"https://u"})", ui_mode::hosted_page));
    CHECK_FALSE(read(R"({"sessionId":" ","url":"https://u"})", ui_mode::hosted_page));
    CHECK_FALSE(read("null", ui_mode::elements));
    CHECK_FALSE(read(R"({"sessionId":")" + std::string(600, 's') + R"("})", ui_mode::elements));
}

TEST_CASE("clink wire: an amount of sixteen digits in a create's answer is absent, not rounded") {
    const auto created = read_created_session(
        parsed(R"({"sessionId":"s","originalAmount":1234567890123456})"), ui_mode::elements);
    REQUIRE(created);
    CHECK_FALSE(created->original_amount);
}

TEST_CASE("clink wire: a session before payment") {
    const auto session = session_of(R"(,"token":"secret","status":"open","paymentStatus":"unpaid",
        "amountSubtotal":20,"amountTotal":null,"originalCurrency":"USD","paymentCurrency":null,"orderId":null,
        "subscriptionId":null,"merchantReferenceId":"order-1","created":"2026-11-21T08:00:00Z",
        "expire":"2026-11-21T09:00:00Z","customer":{"customerId":"cus_1","email":"a@b.example"},
        "metadata":{"checkoutAttemptId":"a1"},"price":{"priceId":null})");
    CHECK(session.session_id == clink_session_id("sess_1"));
    CHECK(session.status == clink_session_status::open);
    CHECK(session.payment_status == clink_payment_status::unpaid);
    CHECK_FALSE(session.order_id);
    CHECK(session.merchant_reference_id == "order-1");
    CHECK(session.checkout_attempt_id == "a1");
    CHECK(session.customer_id == "cus_1");
    CHECK(session.amount_subtotal == amount("20"));
    CHECK_FALSE(session.amount_total);
    CHECK_FALSE(session.payment_currency);
    CHECK(session.original_currency == "USD");
    CHECK_FALSE(session.items_total);
    CHECK(session.expire_time == at("2026-11-21T09:00:00Z"));
}

TEST_CASE("clink wire: a paid session, spelled otherwise") {
    const auto session = session_of(R"(,"status":"COMPLETE","paymentStatus":"Paid","amountTotal":"53.26",
        "paymentCurrency":"brl","originalCurrency":"USD","orderId":"order_9","customerId":"cus_2",
        "customer":null,"subscriptionId":"sub_1","invoiceId":"inv_1","expireTime":1795251233000,
        "metadata":"{\"checkoutAttemptId\":\"a2\"}","merchantReferenceId":"null")");
    CHECK(session.status == clink_session_status::completed);
    CHECK(session.payment_status == clink_payment_status::paid);
    CHECK(session.order_id == clink_order_id("order_9"));
    CHECK(session.amount_total == amount("53.26"));
    CHECK(session.payment_currency == "BRL");
    CHECK(session.customer_id == "cus_2");
    CHECK(session.subscription_id == "sub_1");
    CHECK(session.invoice_id == "inv_1");
    CHECK(session.checkout_attempt_id == "a2");
    CHECK_FALSE(session.merchant_reference_id);
    CHECK(session.expire_time == at("2026-11-21T08:53:53Z"));
}

TEST_CASE("clink wire: session statuses are read in any case and unknown ones unrecognised") {
    const auto status = [](const std::string& text) {
        return session_of(R"(,"status":")" + text + R"(")").status;
    };
    CHECK(status("open") == clink_session_status::open);
    CHECK(status("Complete") == clink_session_status::completed);
    CHECK(status("completed") == clink_session_status::completed);
    CHECK(status("EXPIRED") == clink_session_status::expired);
    CHECK(status("archived") == clink_session_status::unrecognised);
    CHECK(session_of("").status == clink_session_status::unrecognised);

    const auto payment = [](const std::string& text) {
        return session_of(R"(,"paymentStatus":")" + text + R"(")").payment_status;
    };
    CHECK(payment("UNPAID") == clink_payment_status::unpaid);
    CHECK(payment("processing") == clink_payment_status::processing);
    CHECK(payment("paid") == clink_payment_status::paid);
    CHECK(payment("settled") == clink_payment_status::unrecognised);
    CHECK(session_of(R"(,"paymentStatus":3)").payment_status == clink_payment_status::unrecognised);
}

TEST_CASE("clink wire: an order") {
    const auto order = order_of(R"(,"type":"onetime","status":"success","sessionId":"sess_1",
        "merchantReferenceId":"order-1","amountSubtotal":9.99,"amountTotal":53.26,"paymentCurrency":"BRL",
        "originalCurrency":"USD",
        "priceDataList":[{"name":"a","unitAmount":"4.99","quantity":2,"currency":"USD"},
        {"name":"b","unitAmount":0.01}],"paymentTime":1795251233000,"metadata":{"checkoutAttemptId":"a1"},
        "invoiceId":null,"failureCode":null,"riskLevel":"LOW")");
    CHECK(order.order_id == clink_order_id("order_1"));
    CHECK(order.type == clink_order_type::onetime);
    CHECK(order.status == clink_order_status::success);
    CHECK(order.session_id == clink_session_id("sess_1"));
    CHECK(order.amount_total == amount("53.26"));
    CHECK(order.items_total == amount("9.99"));
    CHECK(order.payment_time == at("2026-11-21T08:53:53Z"));
    CHECK(order.checkout_attempt_id == "a1");
    CHECK_FALSE(order.invoice_id);
    CHECK_FALSE(order.failure_code);
    CHECK_FALSE(read_order_facts(parsed(R"({"status":"success"})")));
}

TEST_CASE("clink wire: order statuses and types in any spelling") {
    const auto status = [](const std::string& text) {
        return order_of(R"(,"status":")" + text + R"(")").status;
    };
    CHECK(status("created") == clink_order_status::created);
    CHECK(status("PENDING") == clink_order_status::pending);
    CHECK(status("requires_action") == clink_order_status::requires_action);
    CHECK(status("requiresAction") == clink_order_status::requires_action);
    CHECK(status("Success") == clink_order_status::success);
    CHECK(status("SUCCEEDED") == clink_order_status::success);
    CHECK(status("failed") == clink_order_status::failed);
    CHECK(status("partial_refunded") == clink_order_status::partially_refunded);
    CHECK(status("PARTIALLY_REFUNDED") == clink_order_status::partially_refunded);
    CHECK(status("refunded") == clink_order_status::refunded);
    CHECK(status("unsuccessful") == clink_order_status::unrecognised);

    const auto type = [](const std::string& text) { return order_of(R"(,"type":")" + text + R"(")").type; };
    CHECK(type("OneTime") == clink_order_type::onetime);
    CHECK(type("one_time") == clink_order_type::onetime);
    CHECK(type("RECURRING") == clink_order_type::recurring);
    CHECK(type("agent") == clink_order_type::unrecognised);
}

TEST_CASE("clink wire: items are summed only when every one can be read in the original currency") {
    const auto total = [](const std::string& list) {
        return order_of(R"(,"originalCurrency":"USD","priceDataList":)" + list).items_total;
    };
    CHECK(total(R"([{"unitAmount":1.10,"quantity":3}])") == amount("3.3"));
    CHECK(total(R"([{"unitAmount":1,"quantity":null}])") == amount("1"));
    CHECK_FALSE(total("null"));
    CHECK_FALSE(total("[]"));
    CHECK_FALSE(total(R"([{"unitAmount":1},{"quantity":1}])"));
    CHECK_FALSE(total(R"([{"unitAmount":1,"quantity":0}])"));
    CHECK_FALSE(total(R"([{"unitAmount":1,"quantity":1.5}])"));
    CHECK_FALSE(total(R"([{"unitAmount":1,"quantity":"x"}])"));
    CHECK_FALSE(total(R"([{"unitAmount":1},{"unitAmount":1,"currency":"BRL"}])"));
    CHECK_FALSE(total(R"([{"unitAmount":999999999999999,"quantity":9}])"));
}

TEST_CASE("clink wire: a reference of null or blank is absent") {
    CHECK(order_of(R"(,"merchantReferenceId":"o-1")").merchant_reference_id == "o-1");
    CHECK_FALSE(order_of(R"(,"merchantReferenceId":"null")").merchant_reference_id);
    CHECK_FALSE(order_of(R"(,"merchantReferenceId":" ")").merchant_reference_id);
    CHECK_FALSE(order_of(R"(,"merchantReferenceId":null)").merchant_reference_id);
}

TEST_CASE("clink wire: a refund's amount is one that can have been paid back") {
    const auto amount = [](const std::string& token) {
        const auto text = R"({"refundId":"rfd_1","orderId":"order_1","refundAmount":)" + token + "}";
        return read_refund_facts(parsed(text))->amount;
    };
    CHECK(amount("5.10") == decimal::parse("5.10"));
    CHECK(amount(R"("5.10")") == decimal::parse("5.10"));
    CHECK(amount("0") == decimal());
    CHECK_FALSE(amount("-5.10"));
    CHECK_FALSE(amount("null"));
}

TEST_CASE("clink wire: a list of orders has its rows at the top level") {
    const auto page =
        read_order_page(parsed(R"({"total":7,"rows":[{"orderId":"order_1"},{"orderId":"order_2"}],
        "code":200,"message":"success"})"));
    REQUIRE(page);
    CHECK(page->total == 7);
    REQUIRE(page->orders.size() == 2);
    CHECK(page->orders[1].order_id == clink_order_id("order_2"));

    CHECK_FALSE(read_order_page(parsed(R"({"rows":[{"orderId":"order_1"}]})"))->total);
    CHECK(read_order_page(parsed(R"({"total":0,"rows":[]})"))->orders.empty());
    CHECK(read_order_page(parsed(R"({"total":"0","rows":null})"))->orders.empty());
    CHECK_FALSE(read_order_page(parsed(R"({"total":1,"rows":null})")));
    CHECK_FALSE(read_order_page(parsed(R"({"data":{"rows":[]}})")));
    CHECK_FALSE(read_order_page(parsed(R"({"total":2,"rows":[{"orderId":"order_1"},{"orderId":null}]})")));
    CHECK_FALSE(read_order_page(parsed(R"({"total":1,"rows":[null]})")));
}
