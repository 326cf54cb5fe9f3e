#include "telemetry/otlp_json.h"
#include "telemetry/span_exporter.h"

#include <doctest/doctest.h>

#include <string>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

collector_answer answered(int status, std::string retry_after = {}) {
    collector_answer answer;
    answer.status = status;
    answer.retry_after = std::move(retry_after);
    return answer;
}

collector_answer unanswered() {
    collector_answer answer;
    answer.error = boost::asio::error::connection_refused;
    return answer;
}

} // namespace

TEST_CASE("otlp: spans in protobuf's JSON mapping") {
    finished_span child;
    child.context = parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").value();
    child.context.tracestate = "congo=t61rcWkgMzE";
    child.parent = {1, 2, 3, 4, 5, 6, 7, 0xAB};
    child.has_remote_parent = true;
    child.kind = span_kind::server;
    child.name = "GET /v1/orders/{merchantOrderId}";
    child.began = std::chrono::system_clock::time_point(1'700'000'000s + 5ns);
    child.ended = std::chrono::system_clock::time_point(1'700'000'001s);
    child.attributes = {{"http.route", "/v1/\"x\""}, {"http.response.status_code", std::int64_t{503}}};
    child.failed = true;
    finished_span root;
    root.context.trace[15] = 1;
    root.context.span[7] = 2;
    root.name = "sweep session";
    const std::vector<finished_span> spans{child, root};
    CHECK(
        write_otlp({{"service.name", "shop"}}, spans)
        == R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},)"
           R"("scopeSpans":[{"scope":{"name":"clink-checkout"},"spans":[)"
           R"({"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7",)"
           R"("traceState":"congo=t61rcWkgMzE","parentSpanId":"01020304050607ab","flags":769,)"
           R"("name":"GET /v1/orders/{merchantOrderId}","kind":2,)"
           R"("startTimeUnixNano":"1700000000000000005","endTimeUnixNano":"1700000001000000000",)"
           R"("attributes":[{"key":"http.route","value":{"stringValue":"/v1/\"x\""}},)"
           R"({"key":"http.response.status_code","value":{"intValue":"503"}}],"status":{"code":2}},)"
           R"({"traceId":"00000000000000000000000000000001","spanId":"0000000000000002","flags":256,)"
           R"("name":"sweep session","kind":1,"startTimeUnixNano":"0","endTimeUnixNano":"0","attributes":[]})"
           R"(]}]}]})");
}

TEST_CASE("otlp: how many spans of an accepted export were not taken") {
    CHECK(read_rejected_spans("") == 0);
    CHECK(read_rejected_spans("{}") == 0);
    CHECK(read_rejected_spans("no JSON") == 0);
    CHECK(read_rejected_spans(R"({"partialSuccess":{}})") == 0);
    CHECK(read_rejected_spans(R"({"partialSuccess":{"rejectedSpans":"7","errorMessage":"x"}})") == 7);
    CHECK(read_rejected_spans(R"({"partialSuccess":{"rejectedSpans":7}})") == 7);
    CHECK(read_rejected_spans(R"({"partialSuccess":{"rejectedSpans":"-7"}})") == 0);
    CHECK(read_rejected_spans(R"({"partialSuccess":{"rejectedSpans":null}})") == 0);
}

TEST_CASE("otlp: what is sent again, and when") {
    for (const int status : {429, 502, 503, 504}) {
        CAPTURE(status);
        CHECK(find_export_pause(answered(status), 1, 10s, 1) == 1000ms);
        CHECK(find_export_pause(answered(status), 2, 10s, 1) == 2000ms);
        CHECK(find_export_pause(answered(status), 3, 10s, 0) == 2000ms);
        CHECK(find_export_pause(answered(status), 4, 10s, 1) == 5000ms);
        CHECK(find_export_pause(answered(status), 5, 10s, 1) == std::nullopt);
    }
    CHECK(find_export_pause(unanswered(), 1, 10s, 0) == 500ms);
    for (const int status : {200, 202, 301, 307, 400, 401, 403, 404, 413, 500, 501})
        CHECK(find_export_pause(answered(status), 1, 10s, 0) == std::nullopt);
}

TEST_CASE("otlp: a Retry-After is kept to, or nothing is sent again") {
    CHECK(find_export_pause(answered(503, "3"), 1, 10s, 1) == 3000ms);
    CHECK(find_export_pause(answered(503, "0"), 1, 10s, 1) == 1000ms);
    CHECK(find_export_pause(answered(429, "30"), 1, 10s, 0) == std::nullopt);
    CHECK(find_export_pause(answered(503, "99999999999999999999"), 1, 10s, 0) == 500ms);
    CHECK(find_export_pause(answered(503, "Sat, 21 Nov 2026 19:00:00 GMT"), 1, 10s, 0) == 500ms);
    CHECK(find_export_pause(unanswered(), 1, 400ms, 0) == std::nullopt);
}
