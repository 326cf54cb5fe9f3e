#include "clink/exchange.h"
#include "clink/redaction.h"

#include <boost/asio/error.hpp>
#include <doctest/doctest.h>

using namespace checkout;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

constexpr std::string_view api_key = "sk_test_very_secret";
const instant now = parse_rfc3339("2026-11-21T08:00:00Z").value();

transport_result answered(int status, std::string body) {
    transport_result result;
    result.phase = transport_phase::finished;
    result.status = status;
    result.body = std::move(body);
    return result;
}

transport_result ended(transport_phase phase, boost::system::error_code error) {
    transport_result result;
    result.phase = phase;
    result.error = error;
    return result;
}

bool has_session_id(const json_value& envelope) {
    const auto* data = envelope.find("data");
    return data && data->find("sessionId");
}

exchange_report report_of(const transport_result& result) {
    return classify(result, has_session_id, {api_key, now});
}
exchange_outcome outcome_of(const transport_result& result) {
    return report_of(result).outcome;
}
exchange_outcome outcome_of(int status, std::string body) {
    return outcome_of(answered(status, std::move(body)));
}

} // namespace

TEST_CASE("clink exchange: before the first byte of a request nothing was sent") {
    for (const auto phase : {transport_phase::waiting, transport_phase::resolving,
                             transport_phase::connecting, transport_phase::handshaking}) {
        CHECK(outcome_of(ended(phase, asio::error::timed_out)) == exchange_outcome::never_sent);
        CHECK(outcome_of(ended(phase, asio::error::connection_refused)) == exchange_outcome::never_sent);
    }
}

TEST_CASE("clink exchange: from the first byte on, whatever ends an exchange leaves its outcome unknown") {
    for (const auto phase : {transport_phase::writing, transport_phase::reading})
        for (const boost::system::error_code error :
             {boost::system::error_code(asio::error::timed_out),
              boost::system::error_code(asio::error::connection_reset),
              boost::system::error_code(asio::error::broken_pipe),
              boost::system::error_code(asio::error::eof),
              boost::system::error_code(asio::error::operation_aborted)})
            CHECK(outcome_of(ended(phase, error)) == exchange_outcome::unknown);
}

TEST_CASE("clink exchange: a status whose body never came whole decides nothing") {
    for (const int status : {100, 200, 400, 401, 429, 503}) {
        auto result = ended(transport_phase::reading, asio::error::eof);
        result.status = status;
        CHECK(outcome_of(result) == exchange_outcome::unknown);
        CHECK(report_of(result).http_status == status);
    }
}

TEST_CASE("clink exchange: accepted is HTTP 2xx, code 200 and a body that reads") {
    CHECK(outcome_of(200, R"({"code":200,"msg":"success","data":{"sessionId":"s"}})")
          == exchange_outcome::accepted);
    CHECK(outcome_of(200, R"({"code":"200","msg":"Success","data":{"sessionId":"s"}})")
          == exchange_outcome::accepted);
    CHECK(outcome_of(201, R"({"code":200,"data":{"sessionId":"s"},"more":[1]})")
          == exchange_outcome::accepted);
    CHECK(outcome_of(200, R"({"code":200,"msg":"failure","data":{"sessionId":"s"}})")
          == exchange_outcome::accepted);
    CHECK(outcome_of(200, R"({"code":200,"message":null,"data":{"sessionId":"s"}})")
          == exchange_outcome::accepted);
}

TEST_CASE("clink exchange: HTTP 2xx with another code is a refusal") {
    CHECK(outcome_of(200, R"({"code":500,"msg":"success","data":{"sessionId":"s"}})")
          == exchange_outcome::refused);
    CHECK(outcome_of(200, R"({"code":"500","msg":"x"})") == exchange_outcome::refused);
    CHECK(outcome_of(200, R"({"code":0,"msg":"success"})") == exchange_outcome::refused);
    CHECK(outcome_of(200, R"({"code":200.5,"data":{"sessionId":"s"}})") == exchange_outcome::refused);
    CHECK(outcome_of(200, R"({"code":"CUSTOMER_NOT_FOUND","data":null})") == exchange_outcome::refused);

    const auto report = report_of(answered(200, R"({"code":40012,"msg":"CUSTOMER_NOT_FOUND","data":null})"));
    CHECK(report.code == "40012");
    CHECK(report.message == "CUSTOMER_NOT_FOUND");
    CHECK(report.http_status == 200);
}

TEST_CASE("clink exchange: the status is HTTP's, or the one that the code of a success mirrors") {
    const auto said = [](int status, const std::string& body) {
        return said_status(report_of(answered(status, body)));
    };
    CHECK(said(401, "no") == 401);
    CHECK(said(429, R"({"code":500})") == 429);
    CHECK(said(200, R"({"code":401,"msg":"API key not found"})") == 401);
    CHECK(said(200, R"({"code":"404"})") == 404);
    CHECK(said(200, R"({"code":40012})") == 0);
    CHECK(said(200, R"({"code":"CUSTOMER_NOT_FOUND"})") == 0);
    CHECK(said(200, "<html></html>") == 0);
}

TEST_CASE("clink exchange: HTTP 2xx that cannot be read as the answer leaves the outcome unknown") {
    for (const std::string body : {
             "",
             "OK",
             "<html></html>",
             R"({"code":200,"data":{"sessionId":)",
             R"({"code":200,"code":200})",
             "[]",
             "200",
             "null",
             R"("success")",
             "{}",
             R"({"data":{"sessionId":"s"}})",
             R"({"code":null,"data":{"sessionId":"s"}})",
             R"({"code":true,"data":{"sessionId":"s"}})",
             R"({"code":"","data":{"sessionId":"s"}})",
             R"({"code":200})",
             R"({"code":200,"data":null})",
             R"({"code":200,"data":{}})",
         })
        CHECK_MESSAGE(outcome_of(200, body) == exchange_outcome::unknown, body);
    CHECK(outcome_of(204, "") == exchange_outcome::unknown);
}

TEST_CASE("clink exchange: statuses outside 2xx") {
    const std::string success = R"({"code":200,"msg":"success","data":{"sessionId":"s"}})";
    for (const int status :
         {100, 101, 199, 300, 301, 302, 304, 307, 308, 408, 500, 501, 502, 503, 504, 599, 999})
        CHECK_MESSAGE(outcome_of(status, success) == exchange_outcome::unknown, status);
    for (const int status : {400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 429, 451, 499})
        CHECK_MESSAGE(outcome_of(status, success) == exchange_outcome::refused, status);
}

TEST_CASE("clink exchange: a 401 in each of its forms") {
    for (const std::string body :
         {R"(Unauthorized)", R"("Unauthorized")", R"({"code":401,"msg":"Unauthorized"})",
          R"({"code":"401","message":"Unauthorized","data":null})",
          R"({"code":401,"msg":null,"message":"Unauthorized"})"}) {
        const auto report = report_of(answered(401, body));
        CHECK(report.outcome == exchange_outcome::refused);
        CHECK(report.code == "401");
        CHECK(report.message == "Unauthorized");
    }
    const auto empty = report_of(answered(401, ""));
    CHECK(empty.outcome == exchange_outcome::refused);
    CHECK(empty.code == "401");
    CHECK_FALSE(empty.message);
}

TEST_CASE("clink exchange: a refusal's own code and message go before the status") {
    const auto report = report_of(answered(404, R"({"code":1404,"msg":"no such session"})"));
    CHECK(report.outcome == exchange_outcome::refused);
    CHECK(report.code == "1404");
    CHECK(report.message == "no such session");
}

TEST_CASE("clink exchange: an unknown outcome has no code of ours") {
    CHECK_FALSE(report_of(answered(503, "busy")).code);
    CHECK(report_of(answered(503, "busy")).message == "busy");
    CHECK(report_of(answered(500, R"({"code":500,"msg":"oops"})")).code == "500");
}

TEST_CASE("clink exchange: broken JSON is never quoted as a message") {
    CHECK_FALSE(report_of(answered(500, R"({"data":{"tokenValue":"page-token"})")).message);
    CHECK_FALSE(report_of(answered(200, R"(page-token)")).message);
}

TEST_CASE("clink exchange: every outcome but accepted has a detail") {
    CHECK(report_of(answered(200, R"({"code":200,"data":{"sessionId":"s"}})")).detail.empty());
    for (const auto phase :
         {transport_phase::waiting, transport_phase::resolving, transport_phase::connecting,
          transport_phase::handshaking, transport_phase::writing, transport_phase::reading})
        CHECK_FALSE(report_of(ended(phase, asio::error::timed_out)).detail.empty());
    for (const int status : {200, 204, 302, 401, 408, 503})
        CHECK_FALSE(report_of(answered(status, "")).detail.empty());
}

TEST_CASE("clink exchange: Retry-After is kept as seconds, from a count or a date") {
    const auto kept = [](std::string value) {
        auto result = answered(429, "");
        result.retry_after = std::move(value);
        return report_of(result).retry_after;
    };
    CHECK(kept("3") == 3s);
    CHECK(kept("0") == 0s);
    CHECK(kept("99999999999") == 86400s);
    CHECK(kept("Sat, 21 Nov 2026 08:00:07 GMT") == 7s);
    CHECK(kept("Sat, 21 Nov 2026 07:00:00 GMT") == 0s);
    CHECK_FALSE(kept(""));
    CHECK_FALSE(kept("-1"));
    CHECK_FALSE(kept("soon"));
    CHECK_FALSE(kept("Sat, 21 Nov 2026 08:00:07 GMT+1"));
}

TEST_CASE("clink exchange: the api key is taken out of everything a report holds") {
    const std::string key(api_key);
    const auto holds_key = [&](const exchange_report& report) {
        const auto all =
            report.code.value_or("") + report.message.value_or("") + report.detail + report.sanitised_body;
        return all.find(key) != std::string::npos;
    };
    const std::vector<std::string> echoes{
        R"({"code":401,"msg":"invalid key )" + key + R"("})",
        R"({"code":")" + key + R"(","message":")" + key + key + R"("})",
        R"({"code":1,"data":{"a":["x)" + key + R"(y"],")" + key + R"(":1}})",
        R"("bad key )" + key + R"(")",
        "bad key " + key,
    };
    for (const auto& body : echoes) {
        CHECK_MESSAGE(!holds_key(report_of(answered(401, body))), body);
        CHECK_MESSAGE(!holds_key(report_of(answered(200, body))), body);
    }
    CHECK(report_of(answered(401, "bad key " + key + "!")).message == "bad key [redacted]!");
}

TEST_CASE("clink exchange: a key is redacted before a message is cut, so that no part of it is left") {
    const auto message = report_of(answered(401, std::string(495, 'x') + std::string(api_key))).message;
    CHECK(message->size() == max_message_bytes);
    CHECK(message->find("sk_te") == std::string::npos);
}

TEST_CASE("clink exchange: what is not JSON has no sanitised body") {
    CHECK(report_of(answered(200, "tokenValue=abc")).sanitised_body.empty());
    CHECK(report_of(answered(401, "\"Unauthorized\"")).sanitised_body == "\"Unauthorized\"");
}

TEST_CASE("clink exchange: outcomes have names") {
    CHECK(to_string(exchange_outcome::accepted) == "accepted");
    CHECK(to_string(exchange_outcome::refused) == "refused");
    CHECK(to_string(exchange_outcome::never_sent) == "never_sent");
    CHECK(to_string(exchange_outcome::unknown) == "unknown");
}
