// What a request is known by in the log, in traces and to its caller: its id and its place in a trace, from
// its headers or made here, and its span.
#pragma once

#include "http/message.h"
#include "observe/tracer.h"

#include <string>
#include <string_view>

namespace checkout {

/// The caller's X-Request-Id when it is 1 to 128 of A-Z a-z 0-9 . _ -, else a new one.
std::string choose_request_id(const http_request& request);

/// The caller's, by `traceparent` and `tracestate`; none when the former is absent, there twice or malformed.
/// A tracestate that may not be passed on is left out.
trace_context read_trace(const http_request& request);

/// Begun when the request's head was read. `route` is the pattern, empty when none matched: paths hold ids
/// and tokens.
span begin_span(const tracer& tracing, const http_request& request, std::string_view route,
                std::string request_id);
/// What the caller is told; only a fault of this side makes the span one that failed.
void end_span(span& work, unsigned status);

} // namespace checkout
