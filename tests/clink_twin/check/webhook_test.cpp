// Webhooks as their receiver meets them: signed, repeated, held, reordered, dropped and tried again.
#include "running_twin.h"

#include "webhook_body.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace clink_twin;

namespace {

using names = std::vector<std::string>;
const names natural = {"order.created", "order.succeeded", "session.complete"};

void pay_one(const running_twin& twin, const std::string& payment = {}) {
    twin.control("POST", "/sessions/" + text_at(twin.create(), {"sessionId"}) + "/pay", payment);
}

void flush(const running_twin& twin, const std::string& body = {}) {
    twin.control("POST", "/webhooks/flush", body);
}

void set(const running_twin& twin, const std::string& webhooks) {
    twin.control("PUT", "/settings", R"({"webhooks":)" + webhooks + "}");
}

json_value object_of(const running_twin::received& hook) {
    return *checkout::parse_json(hook.body)->find("data")->find("object");
}

} // namespace

TEST_CASE("events come in Clink's order, signed in milliseconds") {
    running_twin twin;
    pay_one(twin);
    flush(twin);
    CHECK(twin.webhook_types() == natural);
    for (auto& hook : twin.webhooks()) {
        CHECK(hook.timestamp.size() == 13);
        CHECK(hook.signature == sign_body("whsec_check", hook.timestamp, hook.body));
    }
    auto hooks = twin.webhooks();
    CHECK(text_at(object_of(hooks[0]), {"status"}) == "created");
    CHECK(text_at(object_of(hooks[1]), {"status"}) == "success");
    CHECK(text_at(object_of(hooks[1]), {"createTime"}) == "(absent)");
    CHECK(text_at(object_of(hooks[2]), {"status"}) == "completed");
    CHECK(text_at(object_of(hooks[2]), {"orderId"}) == "null");
}

TEST_CASE("what is not acknowledged comes again with the same id and body and a fresh signature") {
    running_twin twin;
    set(twin, R"({"drop":["order.created","session.complete"]})");
    twin.answer_webhooks(500);
    pay_one(twin);
    twin.control("POST", "/webhooks/await");
    twin.answer_webhooks(204);
    flush(twin);
    flush(twin);
    auto hooks = twin.webhooks();
    REQUIRE(hooks.size() == 2);
    CHECK(hooks[0].body == hooks[1].body);
    CHECK(hooks[1].signature == sign_body("whsec_check", hooks[1].timestamp, hooks[1].body));
    auto log = twin.control("GET", "/webhooks?type=order.succeeded");
    CHECK(text_at(log.if_array()->front(), {"state"}) == "delivered");
    CHECK(log.if_array()->front().find("attempts")->if_array()->size() == 2);
}

TEST_CASE("retries end after their number, and may keep the first timestamp") {
    running_twin twin;
    set(twin,
        R"({"drop":["order.created","session.complete"],"max_retries":2,"retry_timestamp":"original"})");
    twin.answer_webhooks(500);
    pay_one(twin);
    for (auto round = 0; round < 5; ++round)
        flush(twin);
    auto hooks = twin.webhooks();
    REQUIRE(hooks.size() == 3);
    CHECK(hooks[0].timestamp == hooks[2].timestamp);
    auto log = twin.control("GET", "/webhooks?type=order.succeeded");
    CHECK(text_at(log.if_array()->front(), {"state"}) == "given_up");
}

TEST_CASE("held events come when they are flushed, in the order asked for") {
    running_twin twin;
    set(twin, R"({"hold":true,"duplicates":1})");
    pay_one(twin);
    CHECK(twin.webhooks().empty());
    flush(twin, R"({"order":"reversed"})");
    CHECK(twin.webhook_types()
          == names{"session.complete", "session.complete", "order.succeeded", "order.succeeded",
                   "order.created", "order.created"});
}

TEST_CASE("the body and the headers take the shapes that Clink's may have") {
    running_twin twin;
    set(twin,
        R"({"timestamp_unit":"seconds","signature":"wrong","session_body":"full","amounts_as_strings":true,)"
        R"("null_reference":true,"extra_fields":true})");
    pay_one(twin);
    flush(twin);
    auto hooks = twin.webhooks();
    REQUIRE(hooks.size() == 3);
    CHECK(hooks[1].timestamp.size() == 10);
    CHECK(hooks[1].signature != sign_body("whsec_check", hooks[1].timestamp, hooks[1].body));
    CHECK(checkout::write_json(*object_of(hooks[1]).find("amountTotal")) == R"("49.90")");
    CHECK(text_at(object_of(hooks[1]), {"merchantReferenceId"}) == "null");
    CHECK(text_at(object_of(hooks[1]), {"xNewFlag"}) == "true");
    CHECK(text_at(object_of(hooks[2]), {"amountTotal"}) == "49.90");
}

TEST_CASE("the answer to order.succeeded is judged") {
    running_twin twin;
    twin.answer_webhooks(
        200, R"({"object":"event","type":"account.reloaded","data":{"customerEmail":"ada@example.com",)"
             R"("webSite":"https://shop.example","userId":"7","amount":49.90,"currency":"USD"}})");
    pay_one(twin);
    flush(twin);
    auto judged = [&] {
        auto log = twin.control("GET", "/webhooks?type=order.succeeded");
        return text_at(log.if_array()->back().find("attempts")->if_array()->back(), {"account_response"});
    };
    CHECK(judged() == "valid");
    pay_one(twin, R"({"surcharge":1})");
    flush(twin);
    CHECK(judged() == "amount differs");
}

TEST_CASE("refunds and disputes are told, also those that the merchant never asked for") {
    running_twin twin;
    auto id = text_at(twin.create(), {"sessionId"});
    twin.control("POST", "/sessions/" + id + "/pay");
    twin.control("POST", "/sessions/" + id + "/refund", R"({"refundAmount":"9.90"})");
    twin.control("POST", "/sessions/" + id + "/dispute", R"({"status":3})");
    flush(twin);
    auto types = twin.webhook_types();
    for (auto* type :
         {"refund.created", "refund.succeeded", "dispute.created", "dispute.won", "dispute.closed"})
        CHECK(std::ranges::count(types, type) == 1);
}

TEST_CASE("an event of one's own is delivered as it is, and again on demand") {
    running_twin twin;
    twin.control("POST", "/webhooks/send",
                 R"({"type":"vic_device.unheard_of","object":{"a":1},"id":"event_x"})");
    flush(twin);
    twin.control("POST", "/webhooks/event_x/resend");
    flush(twin);
    auto hooks = twin.webhooks();
    REQUIRE(hooks.size() == 2);
    CHECK(hooks[0].body == hooks[1].body);
    CHECK(text_at(*checkout::parse_json(hooks[0].body), {"id"}) == "event_x");
}

TEST_CASE("an override shows in the API and in webhooks from then on") {
    running_twin twin;
    auto id = text_at(twin.create(), {"sessionId"});
    twin.control("POST", "/sessions/" + id + "/override", R"({"merchantReferenceId":"foreign"})");
    CHECK(text_at(twin.api("GET", "/checkout/session/" + id).json(), {"data", "merchantReferenceId"})
          == "foreign");
    twin.control("POST", "/sessions/" + id + "/expire");
    flush(twin);
    CHECK(text_at(object_of(twin.webhooks().front()), {"merchantReferenceId"}) == "foreign");
}
