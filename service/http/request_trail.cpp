#include "http/request_trail.h"

#include "crypto/digest.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace checkout {

namespace {

constexpr std::size_t max_request_id = 128;
constexpr unsigned first_server_error = 500;

bool is_id_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_'
           || c == '-';
}

bool has_name(const http_header& header, std::string_view lower_case) {
    return std::ranges::equal(header.first, lower_case, {}, [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
}

/// All of that name, as one list.
std::string join_headers(const http_request& request, std::string_view lower_case) {
    std::string list;
    for (const auto& header : request.headers)
        if (has_name(header, lower_case))
            list += (list.empty() ? "" : ",") + header.second;
    return list;
}

/// Names that nobody knows do not make span names.
std::string_view known_method(std::string_view method) {
    constexpr std::array<std::string_view, 9> known{"GET",   "HEAD",    "POST",    "PUT",  "DELETE",
                                                    "PATCH", "OPTIONS", "CONNECT", "TRACE"};
    return std::ranges::find(known, method) == known.end() ? "_OTHER" : method;
}

} // namespace

std::string choose_request_id(const http_request& request) {
    const auto given = request.header("X-Request-Id");
    if (given && !given->empty() && given->size() <= max_request_id
        && std::ranges::all_of(*given, is_id_character))
        return std::string(*given);
    return make_uuid_v7();
}

trace_context read_trace(const http_request& request) {
    const auto given = std::ranges::count_if(
        request.headers, [](const auto& header) { return has_name(header, "traceparent"); });
    auto trace = given == 1 ? parse_traceparent(*request.header("traceparent")) : std::nullopt;
    if (!trace)
        return {};
    auto state = join_headers(request, "tracestate");
    if (is_tracestate(state))
        trace->tracestate = std::move(state);
    return *trace;
}

span begin_span(const tracer& tracing, const http_request& request, std::string_view route,
                std::string request_id) {
    const auto method = known_method(request.method);
    std::string name(method == "_OTHER" ? "HTTP" : method);
    if (!route.empty())
        name += " " + std::string(route);
    const bool is_timed = request.received_at != std::chrono::steady_clock::time_point{};
    auto work =
        tracing.begin_root(span_kind::server, std::move(name), {std::move(request_id), read_trace(request)},
                           is_timed ? request.received_at : std::chrono::steady_clock::now());
    work.set("http.request.method", method);
    if (!route.empty())
        work.set("http.route", route);
    return work;
}

void end_span(span& work, unsigned status) {
    work.set("http.response.status_code", static_cast<std::int64_t>(status));
    if (status >= first_server_error)
        work.fail(std::to_string(status));
    work.end();
}

} // namespace checkout
