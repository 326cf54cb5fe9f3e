#include "observe/trace.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace checkout;

namespace {

const std::string trace_text = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string span_text = "00f067aa0ba902b7";
const std::string good = "00-" + trace_text + "-" + span_text + "-01";

std::string repeated(std::size_t count, std::string_view text) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i)
        all += text;
    return all;
}

} // namespace

TEST_CASE("trace: a traceparent of version 00") {
    const auto context = parse_traceparent(good);
    REQUIRE(context);
    CHECK(context->exists());
    CHECK(to_hex(context->trace) == trace_text);
    CHECK(to_hex(context->span) == span_text);
    CHECK(context->sampled);
    CHECK(context->tracestate.empty());
    CHECK(write_traceparent(*context) == good);
}

TEST_CASE("trace: only the flag that level 1 knows is read and written") {
    const std::string start = "00-" + trace_text + "-" + span_text;
    for (const auto* flags : {"-00", "-02", "-fe"}) {
        CAPTURE(flags);
        const auto context = parse_traceparent(start + flags);
        REQUIRE(context);
        CHECK_FALSE(context->sampled);
        CHECK(write_traceparent(*context) == start + "-00");
    }
    for (const auto* flags : {"-03", "-ff"}) {
        CAPTURE(flags);
        const auto context = parse_traceparent(start + flags);
        REQUIRE(context);
        CHECK(write_traceparent(*context) == good);
    }
}

TEST_CASE("trace: of a later version what 00 knows is read") {
    for (const std::string& text : {"01-" + trace_text + "-" + span_text + "-01",
                                    "cc-" + trace_text + "-" + span_text + "-01-what-comes",
                                    "fe-" + trace_text + "-" + span_text + "-01-"}) {
        CAPTURE(text);
        const auto context = parse_traceparent(text);
        REQUIRE(context);
        CHECK(write_traceparent(*context) == good);
    }
}

TEST_CASE("trace: what is no traceparent") {
    const std::string no_trace(32, '0');
    const std::string no_span(16, '0');
    for (const std::string& text : {
             std::string(),
             std::string("00"),
             good.substr(0, 54),
             good + "-",
             good + "-00",
             good + "0",
             " " + good,
             good + " ",
             "ff" + good.substr(2),
             "0g" + good.substr(2),
             "FE" + good.substr(2),
             ".0" + good.substr(2),
             "01" + good.substr(2) + ".what-comes",
             "00_" + good.substr(3),
             "00-" + trace_text + "_" + span_text + "-01",
             "00-" + trace_text + "-" + span_text + "_01",
             "00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span_text + "-01",
             "00-" + trace_text + "-00F067AA0BA902B7-01",
             "00-" + trace_text.substr(1) + "g-" + span_text + "-01",
             "00-" + trace_text + "-" + span_text.substr(1) + ".-01",
             "00-" + trace_text + "-" + span_text + "-0x",
             "00-" + no_trace + "-" + span_text + "-01",
             "00-" + trace_text + "-" + no_span + "-01",
         }) {
        CAPTURE(text);
        CHECK_FALSE(parse_traceparent(text));
    }
}

TEST_CASE("trace: new ids differ and are written in full") {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        trace_context made;
        made.trace = make_trace_id();
        made.span = make_span_id();
        const auto text = write_traceparent(made);
        CHECK(parse_traceparent(text) == made);
        seen.insert(to_hex(made.trace));
        seen.insert(to_hex(made.span));
    }
    CHECK(seen.size() == 200);
    CHECK_FALSE(trace_context().exists());
}

TEST_CASE("trace: a tracestate that may be passed on") {
    const std::string longest_key(256, 'k');
    const std::string longest_value(256, 'v');
    for (const std::string& list :
         {std::string("congo=t61rcWkgMzE"), std::string("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
          std::string("a=1 , b=2\t,c=3"), std::string("a=1,,b=2,"), std::string("0tenant@vendor=x y!"),
          std::string("a_-*/9=~"), longest_key + "=" + longest_value, repeated(31, "a=1,") + "a=1"}) {
        CAPTURE(list);
        CHECK(is_tracestate(list));
    }
}

TEST_CASE("trace: a tracestate that is left out") {
    for (const std::string& list :
         {std::string(),
          std::string(","),
          std::string("congo"),
          std::string("=1"),
          std::string("a="),
          std::string("A=1"),
          std::string("0a=1"),
          std::string("a b=1"),
          std::string("a =1"),
          std::string("a=1=2"),
          std::string("a=\x7F"),
          std::string("a=\x01"),
          std::string("a=\xC3\xA9"),
          std::string("@v=1"),
          std::string("t@=1"),
          std::string("t@1v=1"),
          std::string("t@v@w=1"),
          std::string(242, 't') + "@v=1",
          "t@" + std::string(15, 'v') + "=1",
          std::string(257, 'k') + "=1",
          "a=" + std::string(257, 'v'),
          repeated(32, "a=1,") + "a=1",
          std::string("good=1,Bad=2"),
          "a=" + std::string(250, 'v') + repeated(4, ",b=" + std::string(250, 'v'))}) {
        CAPTURE(list);
        CHECK_FALSE(is_tracestate(list));
    }
}
