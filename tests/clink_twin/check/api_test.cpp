// The merchant API over a socket: envelopes, refusals, lists, and faults as a caller meets them.
#include "running_twin.h"

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>

using namespace clink_twin;

namespace {

constexpr auto create_body =
    R"({"originalAmount":5,"originalCurrency":"JPY","customerEmail":"a@example.com"})";

std::size_t session_count(const running_twin& twin) {
    return twin.control("GET", "/sessions").if_array()->size();
}

} // namespace

TEST_CASE("a session is made, read, paid and found among the orders") {
    running_twin twin;
    auto made = twin.create();
    auto id = text_at(made, {"sessionId"});
    CHECK(text_at(made, {"originalAmount"}) == "49.9");
    CHECK(text_at(made, {"url"}).ends_with("/pay/" + id + "%23" + text_at(made, {"tokenValue"})));

    auto open = twin.api("GET", "/checkout/session/" + id).json();
    CHECK(text_at(open, {"code"}) == "200");
    CHECK(text_at(open, {"data", "status"}) == "open");
    CHECK(text_at(open, {"data", "paymentStatus"}) == "unpaid");
    CHECK(text_at(open, {"data", "amountTotal"}) == "null");
    CHECK(text_at(open, {"data", "orderId"}) == "null");

    twin.control("POST", "/sessions/" + id + "/pay");
    auto paid = twin.api("GET", "/checkout/session/" + id).json();
    CHECK(text_at(paid, {"data", "status"}) == "completed");
    CHECK(text_at(paid, {"data", "paymentStatus"}) == "paid");
    auto list = twin.api("GET", "/order?merchantReferenceId=order-1&pageSize=1").json();
    CHECK(text_at(list, {"total"}) == "1");
    auto& row = list.find("rows")->if_array()->front();
    CHECK(text_at(row, {"orderId"}) == text_at(paid, {"data", "orderId"}));
    CHECK(text_at(row, {"status"}) == "success");
    auto detail = twin.api("GET", "/order/" + text_at(row, {"orderId"})).json();
    CHECK(*detail.find("data") == row);
}

TEST_CASE("the list is paged, at most 50 rows, in the order asked for") {
    running_twin twin;
    for (auto count = 0; count < 53; ++count)
        twin.control("POST", "/sessions/" + text_at(twin.create(), {"sessionId"}) + "/pay");
    auto rows = [&](const std::string& query) {
        auto list = twin.api("GET", "/order?merchantReferenceId=order-1" + query).json();
        CHECK(text_at(list, {"total"}) == "53");
        return *list.find("rows")->if_array();
    };
    CHECK(rows("").size() == 20);
    CHECK(rows("&pageSize=500").size() == 50);
    CHECK(rows("&pageNum=2&pageSize=500").size() == 3);
    CHECK(rows("&pageNum=9").empty());
    auto newest = text_at(rows("&pageSize=1").front(), {"orderId"});
    twin.control("PUT", "/settings", R"({"list_order":"oldest_first"})");
    CHECK(text_at(rows("&pageNum=53&pageSize=1").front(), {"orderId"}) == newest);
}

TEST_CASE("without a reference the list has every order, and one made meanwhile shifts its pages") {
    running_twin twin;
    std::vector<std::string> newest_first;
    auto pay = [&](const std::string& reference) {
        auto paid =
            twin.control("POST", "/sessions/" + text_at(twin.create(reference), {"sessionId"}) + "/pay");
        newest_first.insert(newest_first.begin(), text_at(paid, {"session", "orderId"}));
    };
    auto page = [&](int number) {
        auto list = twin.api("GET", "/order?pageSize=2&pageNum=" + std::to_string(number)).json();
        CHECK(text_at(list, {"total"}) == std::to_string(newest_first.size()));
        std::vector<std::string> ids;
        for (auto& row : *list.find("rows")->if_array())
            ids.push_back(text_at(row, {"orderId"}));
        return ids;
    };
    auto part = [&](std::size_t from, std::size_t to) {
        auto at = [&](std::size_t index) {
            return newest_first.begin() + static_cast<std::ptrdiff_t>(index);
        };
        return std::vector<std::string>(at(from), at(to));
    };
    for (auto* reference : {"a", "b", "a", "c", "d"})
        pay(reference);
    auto first = page(1);
    CHECK(first == part(0, 2));
    CHECK(page(1) == first);
    CHECK(page(2) == part(2, 4));
    CHECK(page(3) == part(4, 5));
    pay("e");
    CHECK(page(2) == part(2, 4));
    CHECK(page(2).front() == first.back());
    auto total = [&] { return text_at(twin.api("GET", "/order?merchantReferenceId=a").json(), {"total"}); };
    CHECK(total() == "2");
    twin.control("PUT", "/settings", R"({"list_by_reference":false})");
    CHECK(total() == "6");
}

TEST_CASE("what is forgotten is unknown, and what refers to it stays") {
    running_twin twin;
    auto paid = [&] {
        auto id = text_at(twin.create(), {"sessionId"});
        return twin.control("POST", "/sessions/" + id + "/pay");
    };
    auto answer = [&](const std::string& path) { return twin.api("GET", path).json(); };
    auto first = paid();
    auto second = paid();
    auto session = text_at(first, {"sessionId"});
    auto order = text_at(second, {"session", "orderId"});
    auto refund = text_at(twin.control("POST", "/orders/" + order + "/refund", R"({"outcome":"pending"})")
                              .find("refunds")
                              ->if_array()
                              ->front(),
                          {"refundId"});

    twin.control("POST", "/sessions/" + session + "/forget");
    CHECK(text_at(answer("/checkout/session/" + session), {"msg"}) == "SESSION_NOT_FOUND");
    CHECK(text_at(answer("/order/" + text_at(first, {"session", "orderId"})), {"data", "sessionId"})
          == session);
    CHECK(session_count(twin) == 1);
    CHECK(twin.send("POST", "/control/sessions/" + session + "/forget").status == 404);

    twin.control("POST", "/orders/" + order + "/forget");
    CHECK(text_at(answer("/order/" + order), {"msg"}) == "ORDER_NOT_FOUND");
    for (auto* list : {"/order", "/order?merchantReferenceId=order-1", "/order?pageSize=50"})
        CHECK(text_at(answer(list), {"total"}) == "1");
    CHECK(text_at(answer("/checkout/session/" + text_at(second, {"sessionId"})), {"data", "orderId"})
          == order);
    CHECK(text_at(answer("/refund/" + refund), {"data", "orderId"}) == order);
    CHECK(twin.send("POST", "/control/refunds/" + refund + "/settle").status == 404);
    CHECK(text_at(twin.control("GET", "/stats"), {"orders"}) == "1");
}

TEST_CASE("without a good key and timestamp every call is 401") {
    running_twin twin;
    auto stamp = [](std::int64_t offset) {
        return "X-API-Key: sk_test_check\r\nX-Timestamp: " + std::to_string(to_milliseconds(now()) + offset)
               + "\r\n";
    };
    auto status = [&](const std::string& headers) {
        return twin.send("GET", "/api/order", "", headers).status;
    };
    CHECK(status(stamp(0)) == 200);
    CHECK(status(stamp(-110'000)) == 200);
    CHECK(status(stamp(-130'000)) == 401);
    CHECK(status(stamp(130'000)) == 401);
    CHECK(status("X-API-Key: sk_test_check\r\n") == 401);
    CHECK(status("X-API-Key: other\r\nX-Timestamp: 1\r\n") == 401);
    CHECK(twin.send("GET", "/api/order").body == "Unauthorized");
    twin.control("PUT", "/settings", R"({"unauthorized_style":"envelope"})");
    CHECK(text_at(twin.send("GET", "/api/order").json(), {"code"}) == "401");
}

TEST_CASE("while a key is replaced both are good, and neither shows") {
    running_twin twin;
    auto status = [&](const std::string& key) {
        auto stamp = "\r\nX-Timestamp: " + std::to_string(to_milliseconds(now())) + "\r\n";
        return twin.send("GET", "/api/order", "", "X-API-Key: " + key + stamp).status;
    };
    auto set = [&](const std::string& keys) {
        return twin.send("PUT", "/control/settings", R"({"api_keys":)" + keys + "}");
    };
    CHECK(status("sk_test_other") == 401);
    auto shown = set(R"(["sk_test_check","sk_test_other"])");
    CHECK(text_at(shown.json(), {"api_keys_set"}) == "2");
    CHECK(shown.body.find("sk_test") == std::string::npos);
    CHECK(status("sk_test_check") == 200);
    CHECK(status("sk_test_other") == 200);
    CHECK(set(R"(["sk_test_other"])").status == 200);
    CHECK(status("sk_test_check") == 401);
    CHECK(status("sk_test_other") == 200);
    CHECK(set(R"("sk_test_other")").status == 422);
    twin.control("POST", "/reset");
    CHECK(status("sk_test_check") == 200);
}

TEST_CASE("a refusal is HTTP 200 with another code, or the code as status where the setting has it") {
    running_twin twin;
    auto refused = [&] {
        return twin.api("POST", "/checkout/session", R"({"originalAmount":1,"originalCurrency":"USD"})");
    };
    CHECK(refused().status == 200);
    CHECK(text_at(refused().json(), {"msg"}) == "CUSTOMER_NOT_FOUND");
    CHECK(text_at(refused().json(), {"code"}) != "200");
    twin.control("PUT", "/settings", R"({"error_style":"http_4xx"})");
    CHECK(refused().status == 404);
    CHECK(twin.api("GET", "/checkout/session/sess_none").status == 404);
}

TEST_CASE("faults on the wire cut what the caller sees, with or without the work done") {
    running_twin twin;
    auto create_under = [&](const std::string& fault) {
        twin.control("POST", "/faults", R"({"operation":"create",)" + fault + "}");
        return twin.api("POST", "/checkout/session", create_body);
    };
    auto lost = create_under(R"("fault":"lost_answer")");
    CHECK(lost.head.empty());
    CHECK(lost.end == boost::asio::error::eof);
    CHECK(session_count(twin) == 1);

    auto closed = create_under(R"("fault":"close")");
    CHECK(closed.head.empty());
    auto reset = create_under(R"("fault":"reset")");
    CHECK(reset.head.empty());
    CHECK(reset.end == boost::asio::error::connection_reset);
    CHECK(create_under(R"("fault":"stall","wait_ms":20)").head.empty());
    CHECK(session_count(twin) == 2);

    auto cut = create_under(R"("fault":"truncate","bytes":7)");
    CHECK(cut.status == 200);
    CHECK(cut.body.size() == 7);
    CHECK(std::stoul(cut.header("Content-Length")) > 7);
    auto slow = create_under(R"("fault":"slow_body","bytes":100,"wait_ms":1)");
    CHECK(text_at(slow.json(), {"code"}) == "200");
    CHECK(session_count(twin) == 4);
}

TEST_CASE("faults of the answer bend it, and only as often as they say") {
    running_twin twin;
    auto create_under = [&](const std::string& fault) {
        twin.control("POST", "/faults", R"({"operation":"create",)" + fault + "}");
        return twin.api("POST", "/checkout/session", create_body);
    };
    CHECK(create_under(R"("fault":"http_status","status":503,"headers":{"Retry-After":"7"})")
              .header("Retry-After")
          == "7");
    CHECK(text_at(create_under(R"("fault":"business_error","code":500,"msg":"busy")").json(), {"msg"})
          == "busy");
    CHECK_FALSE(checkout::parse_json(create_under(R"("fault":"malformed")").body).has_value());
    CHECK(create_under(R"("fault":"empty_200")").body.empty());
    CHECK(text_at(create_under(R"("fault":"wrong_amount")").json(), {"data", "originalAmount"}) == "500");
    CHECK(text_at(create_under(R"("fault":"wrong_currency","currency":"EUR")").json(),
                  {"data", "originalCurrency"})
          == "EUR");
    CHECK(text_at(create_under(R"("fault":"message_instead_of_msg")").json(), {"message"}) == "success");
    CHECK(text_at(create_under(R"("fault":"set_fields","fields":{"url":"x"})").json(), {"data", "url"})
          == "x");
    CHECK(create_under(R"("fault":"oversize","bytes":100000)").body.size() > 100'000);
    CHECK(text_at(twin.api("POST", "/checkout/session", create_body).json(), {"data", "originalAmount"})
          == "5");
    CHECK(twin.control("GET", "/faults").if_array()->empty());
}

TEST_CASE("what was asked is kept for tests, byte for byte, without the key") {
    running_twin twin;
    auto body = R"({"originalAmount":4.990,"originalCurrency":"USD","customerEmail":"a@b.c",)"
                R"("merchantReferenceId":"r"})";
    twin.api("POST", "/checkout/session", body);
    auto calls = twin.control("GET", "/requests?operation=create&merchantReferenceId=r");
    REQUIRE(calls.if_array()->size() == 1);
    auto& call = calls.if_array()->front();
    CHECK(text_at(call, {"body"}) == body);
    CHECK(checkout::write_json(calls).find("sk_test_check") == std::string::npos);
    CHECK(text_at(twin.control("GET", "/stats"), {"creates_by_reference", "r"}) == "1");
    auto sessions = twin.control("GET", "/sessions?merchantReferenceId=r");
    CHECK(text_at(sessions.if_array()->front(), {"create_body"}) == body);
    CHECK(text_at(sessions.if_array()->front(), {"create_json", "originalAmount"}) == "4.990");
}

TEST_CASE("the control API names what it does not understand, and changes nothing") {
    running_twin twin;
    CHECK(twin.send("PUT", "/control/settings", R"({"latency_ms":5,"latency":1})").status == 422);
    CHECK(text_at(twin.control("GET", "/settings"), {"latency_ms"}) == "0");
    CHECK(twin.send("PUT", "/control/settings", "{").status == 400);
    CHECK(twin.send("POST", "/control/sessions/sess_none/pay").status == 404);
    auto id = text_at(twin.create(), {"sessionId"});
    twin.control("POST", "/sessions/" + id + "/pay");
    CHECK(twin.send("POST", "/control/sessions/" + id + "/pay").status == 409);
    auto settings = checkout::write_json(twin.control("GET", "/settings"));
    CHECK(checkout::write_json(twin.control("PUT", "/settings", settings)) == settings);
    twin.control("POST", "/reset");
    CHECK(session_count(twin) == 0);
}
