#include "observe/log.h"
#include "observe/metrics.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace checkout;

namespace {

/// The value of a series in what GET /metrics shows; -1 when it is not there.
double value_of(const std::string& series) {
    const auto text = "\n" + write_metrics();
    const auto at = text.find("\n" + series + " ");
    if (at == std::string::npos)
        return -1;
    return std::stod(text.substr(at + series.size() + 2));
}

} // namespace

TEST_CASE("metrics: each family counts by its labels") {
    const std::string series = R"(checkout_http_problems_total{code="overloaded",route="/metrics-test"})";
    CHECK(value_of(series) == -1);
    metrics().http_problems.add({"/metrics-test", "overloaded"});
    metrics().http_problems.add({"/metrics-test", "overloaded"}, 2);
    metrics().http_problems.add({"/metrics-test", "not_found"});
    CHECK(value_of(series) == 3);
}

TEST_CASE("metrics: label values that join to the same text are told apart") {
    metrics().http_problems.add({"ab", "c"});
    metrics().http_problems.add({"a", "bc"}, 5);
    CHECK(value_of(R"(checkout_http_problems_total{code="c",route="ab"})") == 1);
    CHECK(value_of(R"(checkout_http_problems_total{code="bc",route="a"})") == 5);
}

TEST_CASE("metrics: a histogram counts into each bucket that is not exceeded") {
    using std::chrono::milliseconds;
    metrics().http_duration.observe({"GET", "/histogram"}, milliseconds(7));
    metrics().http_duration.observe({"GET", "/histogram"}, milliseconds(200));
    const auto bucket = [](const std::string& bound) {
        return R"(checkout_http_request_duration_seconds_bucket{method="GET",route="/histogram",le=")" + bound
               + "\"}";
    };
    CHECK(value_of(bucket("0.005")) == 0);
    CHECK(value_of(bucket("0.01")) == 1);
    CHECK(value_of(bucket("0.25")) == 2);
    CHECK(value_of(bucket("+Inf")) == 2);
    CHECK(value_of(R"(checkout_http_request_duration_seconds_sum{method="GET",route="/histogram"})")
          == doctest::Approx(0.207));
}

TEST_CASE("metrics: a wrong number of labels is a bug that is told") {
    CHECK_THROWS_AS(metrics().http_problems.add({"one"}), std::logic_error);
}

TEST_CASE("metrics: what a first step must be seen of begins at zero") {
    CHECK(value_of(R"(checkout_webhooks_total{outcome="bad_signature"})") == 0);
    CHECK(value_of(R"(checkout_attempts_total{outcome="dark"})") == 0);
    CHECK(value_of(
              R"(checkout_clink_call_duration_seconds_count{operation="create_session",outcome="unknown"})")
          == 0);
    CHECK(value_of(R"(checkout_time_to_know_seconds_count{evidence="sweeper"})") == 0);
}

TEST_CASE("metrics: lines of the log are counted whether they are shown or not") {
    const std::string series = R"(checkout_log_lines_total{level="warning"})";
    const auto before = value_of(series);
    set_log_level(log_level::error);
    write_log(log_level::warning, "metrics_test");
    set_log_level(log_level::info);
    CHECK(value_of(series) == before + 1);
}

TEST_CASE("metrics: a hold counts as long as it lives") {
    {
        const gauge_hold one(metrics().creates_in_flight);
        const gauge_hold two(metrics().creates_in_flight);
        CHECK(value_of("checkout_creates_in_flight") == 2);
    }
    CHECK(value_of("checkout_creates_in_flight") == 0);
}

TEST_CASE("metrics: the process's own figures are those of this process") {
    CHECK(value_of("process_resident_memory_bytes") > 1'000'000);
    CHECK(value_of("process_open_fds") >= 3);
    CHECK(value_of("process_threads") >= 1);
    const auto now =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    CHECK(value_of("process_start_time_seconds") > now - 3'600);
    CHECK(value_of("process_start_time_seconds") < now + 2);
}

TEST_CASE("metrics: what is counted elsewhere is advanced to, never back") {
    const std::string series = R"(checkout_http_problems_total{code="overloaded",route="/advance"})";
    metrics().http_problems.advance_to({"/advance", "overloaded"}, 5);
    metrics().http_problems.advance_to({"/advance", "overloaded"}, 7);
    metrics().http_problems.advance_to({"/advance", "overloaded"}, 6);
    CHECK(value_of(series) == 7);
    double spent = 0;
    while (spent == 0) // the kernel counts in hundredths of a second
        spent = value_of("process_cpu_seconds_total");
    CHECK(value_of("process_cpu_seconds_total") >= spent);
}

TEST_CASE("metrics: counted from several threads, nothing is lost") {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([] {
            for (int n = 0; n < 1'000; ++n)
                metrics().http_problems.add({"/threads", "overloaded"});
        });
    threads.clear();
    CHECK(value_of(R"(checkout_http_problems_total{code="overloaded",route="/threads"})") == 4'000);
}
