// The exporter of spans against a collector that is well, refuses, is slow, or is not there.
#include "telemetry/span_exporter.h"

#include "support/scripted_peer.h"
#include "json/json.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

exporter_options options_for(std::uint16_t port) {
    exporter_options options;
    options.to.host = "127.0.0.1";
    options.to.port = std::to_string(port);
    options.to.path = "/v1/traces";
    options.to.headers = {{"Authorization", "Bearer collector-secret"}};
    options.to.version = "1.2.3";
    options.resource = {{"service.name", "test"}};
    options.delay = 10ms;
    return options;
}

finished_span span_named(std::string name) {
    finished_span made;
    made.context.trace = make_trace_id();
    made.context.span = make_span_id();
    made.context.sampled = true;
    made.name = std::move(name);
    return made;
}

const json_array& array_in(const json_value& value, std::string_view name) {
    return *value.find(name)->if_array();
}

std::vector<std::string> names_in(const std::string& body) {
    const auto sent = parse_json(body);
    REQUIRE(sent.has_value());
    std::vector<std::string> names;
    for (const auto& from : array_in(*sent, "resourceSpans"))
        for (const auto& scope : array_in(from, "scopeSpans"))
            for (const auto& span : array_in(scope, "spans"))
                names.push_back(*span.find("name")->if_string());
    return names;
}

std::vector<scripted_peer::script> many(std::size_t count, const scripted_peer::script& script) {
    return std::vector<scripted_peer::script>(count, script);
}

} // namespace

TEST_CASE("span exporter: a span is sent with the operator's headers") {
    const scripted_peer peer({answering(200, "{}")});
    span_exporter exporter(options_for(peer.port()));
    exporter.take(span_named("one"));
    peer.await_requests(1);
    exporter.close(10s);
    const auto request = peer.requests().at(0);
    CHECK(request.line() == "POST /v1/traces HTTP/1.1");
    CHECK(request.header("Host") == "127.0.0.1:" + std::to_string(peer.port()));
    CHECK(request.header("Content-Type") == "application/json");
    CHECK(request.header("Authorization") == "Bearer collector-secret");
    CHECK(request.header("User-Agent") == "clink-checkout/1.2.3");
    CHECK(names_in(request.body) == std::vector<std::string>{"one"});
    CHECK(exporter.counts().exported == 1);
    CHECK(exporter.counts().dropped + exporter.counts().failed == 0);
}

TEST_CASE("span exporter: no header of the operator's takes the place of its own") {
    const scripted_peer peer({answering(200, "")});
    auto options = options_for(peer.port());
    options.to.headers = {
        {"content-length", "1"}, {"Transfer-Encoding", "chunked"}, {"content-type", "text/plain"}};
    span_exporter exporter(std::move(options));
    exporter.take(span_named("one"));
    exporter.close(5s);
    const auto request = peer.requests().at(0);
    CHECK(request.header("Content-Type") == "application/json");
    CHECK_FALSE(request.header("Transfer-Encoding"));
    CHECK(names_in(request.body) == std::vector<std::string>{"one"});
}

TEST_CASE("span exporter: a whole batch is sent before its delay, the rest at the end") {
    const scripted_peer peer(many(2, answering(200, "{}")));
    auto options = options_for(peer.port());
    options.delay = 60s;
    options.batch_spans = 3;
    span_exporter exporter(std::move(options));
    for (const auto* name : {"a", "b", "c", "d"})
        exporter.take(span_named(name));
    peer.await_requests(1);
    exporter.close(5s);
    const auto requests = peer.requests();
    REQUIRE(requests.size() == 2);
    CHECK(names_in(requests[0].body) == std::vector<std::string>{"a", "b", "c"});
    CHECK(names_in(requests[1].body) == std::vector<std::string>{"d"});
    CHECK(exporter.counts().exported == 4);
}

TEST_CASE("span exporter: what is retryable is sent again, what is not is not") {
    const scripted_peer peer(
        {answering(503, "", "Retry-After: 1\r\n"), answering(200, "{}"), answering(400, "no")});
    span_exporter exporter(options_for(peer.port()));
    const auto begin = clock::now();
    exporter.take(span_named("again"));
    peer.await_requests(2);
    CHECK(clock::now() - begin >= 1s);
    exporter.take(span_named("refused"));
    peer.await_requests(3);
    exporter.close(5s);
    const auto requests = peer.requests();
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].body == requests[1].body);
    CHECK(names_in(requests[2].body) == std::vector<std::string>{"refused"});
    CHECK(exporter.counts().exported == 1);
    CHECK(exporter.counts().failed == 1);
}

TEST_CASE("span exporter: spans that the collector rejected are counted as failed") {
    const scripted_peer peer({answering(200, R"({"partialSuccess":{"rejectedSpans":"2"}})")});
    auto options = options_for(peer.port());
    options.delay = 60s;
    options.batch_spans = 3;
    span_exporter exporter(std::move(options));
    for (const auto* name : {"a", "b", "c"})
        exporter.take(span_named(name));
    peer.await_requests(1);
    exporter.close(5s);
    CHECK(exporter.counts().exported == 1);
    CHECK(exporter.counts().failed == 2);
}

TEST_CASE("span exporter: a collector that never answers keeps nobody, and what does not fit is dropped") {
    const scripted_peer peer(many(1, [](peer_connection& connection) {
        connection.read_request();
        connection.await_close();
    }));
    auto options = options_for(peer.port());
    options.delay = 60s; // a batch is what fills it
    options.queue_spans = 100;
    options.batch_spans = 10;
    span_exporter exporter(std::move(options));
    for (int i = 0; i < 10; ++i)
        exporter.take(span_named("sent"));
    peer.await_requests(1);
    const auto begin = clock::now();
    for (int i = 0; i < 10'000; ++i)
        exporter.take(span_named("waits"));
    CHECK(clock::now() - begin < 5s);
    CHECK(exporter.counts().dropped == 9'900);
    const auto closing = clock::now();
    exporter.close(300ms);
    CHECK(clock::now() - closing >= 300ms);
    CHECK(clock::now() - closing < 5s);
    CHECK(exporter.counts().exported == 0);
    CHECK(exporter.counts().failed == 10);
    CHECK(exporter.counts().dropped == 10'000);
}

TEST_CASE("span exporter: a collector that is not there ends nothing and delays no end") {
    std::uint16_t nobody = 0;
    {
        const scripted_peer gone({});
        nobody = gone.port();
    }
    span_exporter exporter(options_for(nobody));
    for (int i = 0; i < 5; ++i)
        exporter.take(span_named("lost"));
    const auto closing = clock::now();
    exporter.close(10s);
    CHECK(clock::now() - closing < 10s);
    exporter.take(span_named("late"));
    const auto counts = exporter.counts();
    CHECK(counts.exported == 0);
    CHECK(counts.failed == 5);
    CHECK(counts.dropped == 1);
}

TEST_CASE("span exporter: a batch's time is over whatever it waits for") {
    const scripted_peer peer(many(3, [](peer_connection& connection) {
        connection.read_request();
        connection.await_close();
    }));
    auto options = options_for(peer.port());
    options.timeout = 100ms;
    span_exporter exporter(std::move(options));
    exporter.take(span_named("first"));
    peer.await_finished(0);
    exporter.take(span_named("second"));
    peer.await_finished(1);
    exporter.close(2s);
    CHECK(exporter.counts().failed == 2);
}

TEST_CASE("span exporter: names are looked up, and one that does not exist fails") {
    const scripted_peer peer({answering(200, "{}")});
    auto options = options_for(peer.port());
    options.to.host = "localhost";
    span_exporter exporter(options);
    exporter.take(span_named("by name"));
    peer.await_requests(1);
    exporter.close(5s);
    CHECK(exporter.counts().exported == 1);

    options.to.host = "no-such-host.invalid";
    span_exporter nowhere(options);
    nowhere.take(span_named("lost"));
    nowhere.close(0ms);
    CHECK(nowhere.counts().exported == 0);
    CHECK(nowhere.counts().failed + nowhere.counts().dropped == 1);
}

TEST_CASE("span exporter: TLS with an authority of its own, and no other") {
    const auto ca = make_ca("test CA");
    const auto leaf = make_leaf("collector", ca);
    const temporary_directory files;
    const scripted_peer peer(many(8, answering(200, "{}")), {.shown = &leaf});
    auto options = options_for(peer.port());
    options.to.https = true;
    options.to.ca_file = files.write("ca.pem", ca.certificate_pem());
    span_exporter trusting(options);
    trusting.take(span_named("one"));
    trusting.close(5s);
    CHECK(trusting.counts().exported == 1);
    CHECK(peer.requests().size() == 1);

    options.to.ca_file.clear();
    span_exporter strict(options);
    strict.take(span_named("two"));
    strict.close(5s);
    CHECK(strict.counts().failed == 1);
    CHECK(peer.requests().size() == 1);

    options.to.ca_file = "/nonexistent";
    CHECK_THROWS_AS(span_exporter{options}, std::runtime_error);
}

TEST_CASE("span exporter: many threads, every span counted once") {
    const scripted_peer peer(many(200, answering(200, "{}")));
    auto options = options_for(peer.port());
    options.delay = 1ms;
    options.batch_spans = 50;
    options.queue_spans = 300;
    span_exporter exporter(std::move(options));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&exporter] {
            for (int i = 0; i < 500; ++i)
                exporter.take(span_named("busy"));
        });
    for (auto& thread : threads)
        thread.join();
    exporter.close(10s);
    const auto counts = exporter.counts();
    CHECK(counts.exported + counts.dropped + counts.failed == 2'000);
    std::size_t received = 0;
    for (const auto& request : peer.requests())
        received += names_in(request.body).size();
    CHECK(counts.exported == received);
}
