#include "http/request_trail.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace checkout;

namespace {

const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

http_request request_with(std::vector<http_header> headers) {
    http_request request;
    request.method = "GET";
    request.headers = std::move(headers);
    return request;
}

} // namespace

TEST_CASE("request trail: the caller's trace") {
    const auto trace = read_trace(
        request_with({{"TraceParent", traceparent}, {"TRACESTATE", "a=1"}, {"tracestate", "b=2,c=3"}}));
    CHECK(write_traceparent(trace) == traceparent);
    CHECK(trace.tracestate == "a=1,b=2,c=3");
}

TEST_CASE("request trail: a tracestate that cannot be passed on leaves the trace as it is") {
    const auto trace = read_trace(request_with({{"traceparent", traceparent}, {"tracestate", "Not One"}}));
    CHECK(write_traceparent(trace) == traceparent);
    CHECK(trace.tracestate.empty());
}

TEST_CASE("request trail: without one good traceparent the trace begins here") {
    CHECK_FALSE(read_trace(request_with({})).exists());
    CHECK_FALSE(read_trace(request_with({{"tracestate", "a=1"}})).exists());
    CHECK_FALSE(read_trace(request_with({{"traceparent", "00-x"}, {"tracestate", "a=1"}})).exists());
    CHECK_FALSE(
        read_trace(request_with({{"traceparent", traceparent}, {"Traceparent", traceparent}})).exists());
}

TEST_CASE("request trail: a span says the route and the method, and of neither what is not known") {
    class sink final : public span_sink {
    public:
        void take(finished_span done) noexcept override { last = std::move(done); }
        finished_span last;
    } kept;
    const tracer tracing({}, kept);
    auto request = request_with({});
    request.target = request.path = "/checkout/cancel/secret";
    auto work = begin_span(tracing, request, "/checkout/cancel/{token}", "req-1");
    CHECK(work.context().request_id == "req-1");
    end_span(work, 303);
    CHECK(kept.last.name == "GET /checkout/cancel/{token}");
    CHECK(kept.last.kind == span_kind::server);
    CHECK_FALSE(kept.last.failed);
    using attributes = std::vector<std::pair<std::string, span_value>>;
    CHECK(kept.last.attributes
          == attributes{{"checkout.request_id", "req-1"},
                        {"http.request.method", "GET"},
                        {"http.route", "/checkout/cancel/{token}"},
                        {"http.response.status_code", std::int64_t{303}}});

    request.method = "BREW";
    auto strange = begin_span(tracing, request, "", "req-2");
    end_span(strange, 503);
    CHECK(kept.last.name == "HTTP");
    CHECK(kept.last.failed);
    CHECK(kept.last.attributes
          == attributes{{"checkout.request_id", "req-2"},
                        {"http.request.method", "_OTHER"},
                        {"http.response.status_code", std::int64_t{503}},
                        {"error.type", "503"}});
}
