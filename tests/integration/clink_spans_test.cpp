// What is recorded of calls to Clink, and what Clink is told of the trace.
#include "support/clink_under_test.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <variant>
#include <vector>

using namespace checkout;
using namespace checkout::test;

namespace {

class kept_spans final : public span_sink {
public:
    void take(finished_span done) noexcept override { all.push_back(std::move(done)); }
    std::vector<finished_span> all;
};

std::map<std::string, span_value> attributes_of(const finished_span& span) {
    return {span.attributes.begin(), span.attributes.end()};
}

clink_options recorded_by(clink_options options, span_sink& sink) {
    options.tracing = tracer({}, sink);
    return options;
}

} // namespace

TEST_CASE("clink spans: each try is a span, whose id Clink is told") {
    const scripted_peer peer({in_turn({answering(503, "busy"), answering(200, session_body)})});
    kept_spans kept;
    boost::asio::io_context io{1};
    clink_client client(io, recorded_by(clink_options_for(peer.base_url()), kept));
    call_context asked{"req-1",
                       parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").value()};
    asked.trace.tracestate = "congo=t61rcWkgMzE";
    REQUIRE(run(io, client.get_session(clink_session_id("sess_1"), asked)).answer);

    const auto requests = peer.requests();
    REQUIRE(requests.size() == 2);
    REQUIRE(kept.all.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
        const auto& span = kept.all[i];
        CHECK(requests[i].header("traceparent") == write_traceparent(span.context));
        CHECK(requests[i].header("tracestate") == "congo=t61rcWkgMzE");
        CHECK(span.context.trace == asked.trace.trace);
        CHECK(span.parent == asked.trace.span);
        CHECK_FALSE(span.has_remote_parent);
        CHECK(span.kind == span_kind::client);
        CHECK(span.name == "GET /checkout/session/{id}");
    }
    CHECK(kept.all[0].context.span != kept.all[1].context.span);
    CHECK(kept.all[0].failed);
    CHECK_FALSE(kept.all[1].failed);
    auto first = attributes_of(kept.all[0]);
    CHECK(first["error.type"] == span_value("503"));
    CHECK(first["http.response.status_code"] == span_value(std::int64_t{503}));
    CHECK(first["checkout.request_id"] == span_value("req-1"));
    CHECK(first["http.request.method"] == span_value("GET"));
    CHECK(first["server.address"] == span_value("127.0.0.1"));
    CHECK(first["server.port"] == span_value(std::int64_t{peer.port()}));
    CHECK(first["url.scheme"] == span_value("http"));
    CHECK(first["url.template"] == span_value("/api/checkout/session/{id}"));
    CHECK(first.count("http.request.resend_count") == 0);
    auto second = attributes_of(kept.all[1]);
    CHECK(second["http.request.resend_count"] == span_value(std::int64_t{1}));
    CHECK(second["clink.outcome"] == span_value("accepted"));
    CHECK(second["clink.code"] == span_value("200"));
}

TEST_CASE("clink spans: what Clink refuses with HTTP 200 failed all the same, and no span holds a secret") {
    const scripted_peer peer(
        {in_turn({answering(200, created_body),
                  answering(200, R"({"code":500,"msg":"bad key )" + clink_api_key + R"("})")})});
    kept_spans kept;
    boost::asio::io_context io{1};
    clink_client client(io, recorded_by(clink_options_for(peer.base_url()), kept));
    const auto command = clink_command();
    run(io, client.create_session(command));
    run(io, client.create_session(command));
    REQUIRE(kept.all.size() == 2);
    CHECK_FALSE(kept.all[0].failed);
    CHECK(kept.all[1].failed);
    CHECK(attributes_of(kept.all[1])["error.type"] == span_value("refused"));
    for (const auto& span : kept.all)
        for (const auto& [name, value] : span.attributes)
            for (const auto& secret : {clink_api_key, std::string("tok_1"), std::string("pay.example"),
                                       std::string("a@b.example"), std::string("sess_1")})
                if (const auto* text = std::get_if<std::string>(&value))
                    CHECK_MESSAGE(text->find(secret) == std::string::npos, name);
}

TEST_CASE("clink spans: a call that was never sent failed") {
    kept_spans kept;
    boost::asio::io_context io{1};
    clink_client client(io, recorded_by(clink_options_for("http://no-such-host.invalid/api"), kept));
    run(io, client.create_session(clink_command()));
    REQUIRE_FALSE(kept.all.empty());
    CHECK(kept.all.back().failed);
    CHECK(attributes_of(kept.all.back())["error.type"] == span_value("never_sent"));
}
