#include "http/access_log.h"

#include "http/problem.h"
#include "http/request_trail.h"
#include "http/routes.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>

namespace checkout {

namespace {

using steady = std::chrono::steady_clock;

/// A method that is a label: any other word of a caller's is not.
std::string_view name_method(std::string_view method) {
    static constexpr std::string_view known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    return std::ranges::find(known, method) != std::end(known) ? method : "other";
}

void count_answer(const http_request& request, const request_outcome& outcome, unsigned status,
                  steady::duration took) {
    const auto method = name_method(request.method);
    const auto route = outcome.pattern.empty() ? "unmatched" : outcome.pattern;
    metrics().http_requests.add({"main", method, route, std::to_string(status)});
    metrics().http_duration.observe({method, route}, took);
    if (outcome.code != no_problem)
        metrics().http_problems.add({route, outcome.code});
}

/// Counts the answer and writes one line about it; the route and not the path, so that no id, token or query
/// gets into it.
void record_answer(const http_request& request, const request_outcome& outcome, const http_response& response,
                   const call_context& context) {
    const auto since = request.received_at == steady::time_point{} ? steady::duration{}
                                                                   : steady::now() - request.received_at;
    count_answer(request, outcome, response.status, since);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    write_log(log_level::info, "http_request", context,
              {{"method", request.method},
               {"route", outcome.pattern},
               {"status", static_cast<std::int64_t>(response.status)},
               {"outcome", outcome.code},
               {"duration_ms",
                json_number{std::to_string(micros / 1000) + "." + std::to_string(micros % 1000 / 100)}},
               {"bytes", static_cast<std::int64_t>(response.body.size())},
               {"caller", outcome.caller.empty() ? json_value() : json_value(outcome.caller)},
               {"peer", request.peer}});
}

} // namespace

void conclude(const http_request& request, const request_outcome& outcome, http_response& response,
              span& work) {
    response.set("X-Request-Id", work.context().request_id);
    record_answer(request, outcome, response, work.context());
    end_span(work, response.status);
}

void begin_problem_counts() {
    constexpr problem_code alarming[] = {
        problem_code::internal_error,
        problem_code::database_unavailable,
        problem_code::overloaded,
        problem_code::clink_unavailable,
        problem_code::clink_rejected,
        problem_code::clink_outcome_unknown,
        problem_code::unauthorized,
        problem_code::clink_answer_mismatch,
        problem_code::rate_limited,
        problem_code::insufficient_scope,
        problem_code::client_certificate_required,
    };
    for (const auto& each : main_routes())
        for (const auto code : alarming)
            metrics().http_problems.add({each.pattern, kind_of(code).name}, 0);
}

} // namespace checkout
