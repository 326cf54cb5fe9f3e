#include "app/otel_values.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

std::string path_of(setting_fault (*read)(std::string_view, web_url&), std::string_view text) {
    web_url url;
    const auto fault = read(text, url);
    return fault ? "refused" : url.path;
}

trace_sampler sampler_of(std::string_view text) {
    trace_sampler sampler;
    CHECK_FALSE(read_sampler(text, sampler));
    return sampler;
}

} // namespace

TEST_CASE("otel settings: the path of traces is added to the endpoint of all signals alone") {
    CHECK(path_of(read_otlp_base, "http://collector:4318") == "/v1/traces");
    CHECK(path_of(read_otlp_base, "http://collector:4318/") == "/v1/traces");
    CHECK(path_of(read_otlp_base, "https://collector.example/otlp/") == "/otlp/v1/traces");
    CHECK(path_of(read_otlp_endpoint, "http://collector:4318") == "/");
    CHECK(path_of(read_otlp_endpoint, "http://collector:4318/custom/") == "/custom/");
    for (const auto* text : {"collector:4318", "ftp://collector", "http://user:pass@collector",
                             "http://collector/?a=1", "http://collector/#a", "http://", "http://a b"}) {
        CAPTURE(text);
        CHECK(path_of(read_otlp_base, text) == "refused");
        CHECK(path_of(read_otlp_endpoint, text) == "refused");
    }
}

TEST_CASE("otel settings: attributes are pairs, percent-encoded") {
    pairs found;
    CHECK_FALSE(read_resource_attributes(" deployment.environment.name = production "
                                         ",service.version=1%2C2,empty=,k8s.pod.name=a=b,,name=Caf%C3%A9",
                                         found));
    CHECK(found
          == pairs{{"deployment.environment.name", "production"},
                   {"service.version", "1,2"},
                   {"empty", ""},
                   {"k8s.pod.name", "a=b"},
                   {"name", "Caf\xC3\xA9"}});
    for (const auto* text : {"a", "=b", "a=b,c", "a=%", "a=%4", "a=%zz", "a=%+1", "a=%C3", "a=\xC3"}) {
        CAPTURE(text);
        CHECK(read_resource_attributes(text, found));
    }
}

TEST_CASE("otel settings: headers are pairs that HTTP can carry") {
    pairs found;
    CHECK_FALSE(read_otlp_headers("Authorization=Bearer%20abc,x-tenant= shop ", found));
    CHECK(found == pairs{{"Authorization", "Bearer abc"}, {"x-tenant", "shop"}});
    for (const auto* text : {"a b=c", "a:=c", "a=b%0D%0AX-Evil: 1", "a=%00", "a=%7F", "%C3%A9=a", "a"}) {
        CAPTURE(text);
        CHECK(read_otlp_headers(text, found));
    }
}

TEST_CASE("otel settings: samplers by their names") {
    CHECK_FALSE(sampler_of("always_on").follows_parent);
    CHECK(sampler_of("always_on").fixed_ratio == 1.0);
    CHECK(sampler_of("always_off").fixed_ratio == 0.0);
    CHECK(sampler_of("traceidratio").fixed_ratio == std::nullopt);
    CHECK(sampler_of("parentbased_always_on").follows_parent);
    CHECK(sampler_of("parentbased_always_on").fixed_ratio == 1.0);
    CHECK(sampler_of("parentbased_always_off").fixed_ratio == 0.0);
    CHECK(sampler_of("parentbased_traceidratio").follows_parent);
    CHECK(sampler_of("parentbased_traceidratio").fixed_ratio == std::nullopt);
    trace_sampler sampler;
    for (const auto* text : {"jaeger_remote", "parentbased_jaeger_remote", "parentbased_", "Always_On", "on"})
        CHECK(read_sampler(text, sampler));
}

TEST_CASE("otel settings: what is so by default, and what a command without spans does not look at") {
    const auto parsed = parse_settings({{"DATABASE_URL", "host=db"}}, command::export_rows);
    REQUIRE(parsed.has_value());
    const auto& found = parsed->tracing;
    CHECK_FALSE(found.endpoint);
    CHECK_FALSE(found.traces_endpoint);
    CHECK_FALSE(found.disabled);
    CHECK(found.headers.empty());
    CHECK(found.protocol == "http/json");
    CHECK(found.timeout == 10s);
    CHECK(found.batch_timeout == 30s);
    CHECK(found.delay == 5s);
    CHECK(found.queue_spans == 2048);
    CHECK(found.batch_spans == 512);
    CHECK(found.sampler.follows_parent);
    CHECK(found.sampler.fixed_ratio == 1.0);
    CHECK(found.sampler_ratio == 1.0);
    CHECK(parse_settings({{"DATABASE_URL", "host=db"}, {"OTEL_TRACES_SAMPLER", "nonsense"}}, command::migrate)
              .has_value());
}

TEST_CASE("otel settings: ratios and switches") {
    double ratio = -1;
    for (const auto& [text, value] : std::vector<std::pair<const char*, double>>{
             {"0", 0}, {"1", 1}, {"0.25", 0.25}, {"1.0", 1}, {"1e-3", 0.001}}) {
        CHECK_FALSE(read_ratio(text, ratio));
        CHECK(ratio == doctest::Approx(value));
    }
    for (const auto* text : {"-0.1", "1.1", "nan", "inf", "", "0,5", "50%"})
        CHECK(read_ratio(text, ratio));
    bool on = false;
    CHECK_FALSE(read_switch("True", on));
    CHECK(on);
    CHECK_FALSE(read_switch("false", on));
    CHECK_FALSE(on);
    for (const auto* text : {"1", "yes", "", "truely"})
        CHECK(read_switch(text, on));
}
