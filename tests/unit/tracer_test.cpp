#include "observe/tracer.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

const std::string caller_text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-";

class kept_spans final : public span_sink {
public:
    void take(finished_span done) noexcept override { all.push_back(std::move(done)); }
    std::vector<finished_span> all;
};

call_context called_by(const std::string& traceparent) {
    auto trace = parse_traceparent(traceparent).value();
    trace.tracestate = "congo=t61rcWkgMzE";
    return {"req-1", trace};
}

/// Whether a trace that begins here, or that another process began, is recorded.
bool records(sampling chosen, call_context origin) {
    kept_spans kept;
    const tracer tracing(chosen, kept);
    auto work = tracing.begin_root(span_kind::server, "work", std::move(origin));
    const bool says = work.context().trace.sampled;
    work.end();
    CHECK(says == (kept.all.size() == 1));
    return says;
}

} // namespace

TEST_CASE("tracer: a request of another process and a call made for it") {
    kept_spans kept;
    const tracer tracing({}, kept);
    const auto caller = called_by(caller_text + "01");
    auto work = tracing.begin_root(span_kind::server, "GET /v1/x", caller);
    auto part = tracing.begin_child(span_kind::client, "GET /y", work.context());
    part.set("server.port", 443);
    part.fail("503");
    part.end();
    part.end();
    work.end();

    REQUIRE(kept.all.size() == 2);
    const auto& inner = kept.all[0];
    const auto& outer = kept.all[1];
    CHECK(outer.context.trace == caller.trace.trace);
    CHECK(outer.parent == caller.trace.span);
    CHECK(outer.has_remote_parent);
    CHECK(outer.context.span != caller.trace.span);
    CHECK(outer.context.tracestate == "congo=t61rcWkgMzE");
    CHECK(outer.kind == span_kind::server);
    CHECK(outer.name == "GET /v1/x");
    CHECK_FALSE(outer.failed);
    CHECK(outer.began <= inner.began);
    CHECK(outer.ended >= inner.ended);
    CHECK(inner.context.trace == caller.trace.trace);
    CHECK(inner.parent == outer.context.span);
    CHECK_FALSE(inner.has_remote_parent);
    CHECK(inner.context.span != outer.context.span);
    CHECK(inner.failed);
    using attributes = std::vector<std::pair<std::string, span_value>>;
    CHECK(inner.attributes
          == attributes{
              {"checkout.request_id", "req-1"}, {"server.port", std::int64_t{443}}, {"error.type", "503"}});
}

TEST_CASE("tracer: a trace that begins here") {
    kept_spans kept;
    const tracer tracing({}, kept);
    const auto work = tracing.begin_root(span_kind::internal, "sweep", {"sweep-1", {}});
    CHECK(work.context().request_id == "sweep-1");
    CHECK(work.context().trace.exists());
    CHECK(work.context().trace.sampled);
    CHECK(kept.all.empty());
    {
        const auto other = tracing.begin_root(span_kind::internal, "sweep", {});
        CHECK(other.context().trace.trace != work.context().trace.trace);
    }
    REQUIRE(kept.all.size() == 1);
    CHECK(kept.all[0].parent == span_id{});
    CHECK_FALSE(kept.all[0].has_remote_parent);
}

TEST_CASE("tracer: a part of no work begins a trace") {
    const tracer nothing;
    const auto part = nothing.begin_child(span_kind::client, "GET /y", {});
    CHECK(part.context().trace.exists());
    CHECK_FALSE(part.context().trace.sampled);
}

TEST_CASE("tracer: who records nothing passes the caller's context on as it came") {
    const tracer nothing;
    for (const std::string flags : {"00", "01"}) {
        CAPTURE(flags);
        const auto caller = called_by(caller_text + flags);
        const auto work = nothing.begin_root(span_kind::server, "work", caller);
        const auto part = nothing.begin_child(span_kind::client, "part", work.context());
        CHECK(part.context().trace == caller.trace);
    }
    const auto own = nothing.begin_root(span_kind::server, "work", {});
    const auto part = nothing.begin_child(span_kind::client, "part", own.context());
    CHECK(own.context().trace.exists());
    CHECK(own.context().trace.span != span_id{});
    CHECK(part.context().trace == own.context().trace);
}

TEST_CASE("tracer: samplers") {
    const auto yes = called_by(caller_text + "01");
    const auto no = called_by(caller_text + "00");
    const sampling parent_on{true, 1};
    CHECK(records(parent_on, {}));
    CHECK(records(parent_on, yes));
    CHECK_FALSE(records(parent_on, no));
    const sampling parent_off{true, 0};
    CHECK_FALSE(records(parent_off, {}));
    CHECK(records(parent_off, yes));
    CHECK_FALSE(records(parent_off, no));
    const sampling on{false, 1};
    CHECK(records(on, {}));
    CHECK(records(on, yes));
    CHECK(records(on, no));
    const sampling off{false, 0};
    CHECK_FALSE(records(off, {}));
    CHECK_FALSE(records(off, yes));
    CHECK_FALSE(records(off, no));
}

TEST_CASE("tracer: a ratio decides by the end of the trace's id") {
    const auto ending = [](const std::string& end) {
        return called_by("00-4bf92f3577b34da6" + end + "-00f067aa0ba902b7-00");
    };
    const sampling half{false, 0.5};
    CHECK(records(half, ending("0000000000000000")));
    CHECK(records(half, ending("7fffffffffffffff")));
    CHECK_FALSE(records(half, ending("8000000000000000")));
    CHECK_FALSE(records(half, ending("ffffffffffffffff")));
    CHECK(records({false, 1}, ending("ffffffffffffffff")));
    int recorded = 0;
    for (int i = 0; i < 2000; ++i)
        recorded += records({true, 0.25}, {}) ? 1 : 0;
    CHECK(recorded > 350);
    CHECK(recorded < 650);
}

TEST_CASE("tracer: a span that is moved ends once, and one that is replaced ends then") {
    kept_spans kept;
    const tracer tracing({}, kept);
    {
        auto first = tracing.begin_root(span_kind::internal, "first", {});
        auto moved = std::move(first);
        CHECK(kept.all.empty());
        moved = tracing.begin_root(span_kind::internal, "second", {});
        CHECK(kept.all.size() == 1);
    }
    REQUIRE(kept.all.size() == 2);
    CHECK(kept.all[0].name == "first");
    CHECK(kept.all[1].name == "second");
}

TEST_CASE("tracer: a span's length includes what was before it was begun") {
    kept_spans kept;
    const tracer tracing({}, kept);
    auto work = tracing.begin_root(span_kind::server, "work", {}, std::chrono::steady_clock::now() - 250ms);
    work.end();
    const auto taken = kept.all.at(0).ended - kept.all.at(0).began;
    CHECK(taken >= 250ms);
    CHECK(taken < 60s);
}
