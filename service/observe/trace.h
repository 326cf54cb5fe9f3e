// Where a piece of work stands in a trace, and its two HTTP headers: W3C Trace Context, level 1. Decides
// nothing about what is recorded (tracer.h).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace checkout {

/// All zero: none.
using trace_id = std::array<std::uint8_t, 16>;
using span_id = std::array<std::uint8_t, 8>;

struct trace_context {
    trace_id trace{};
    span_id span{};         ///< of the work itself; to those who are handed the context, their parent's
    bool sampled = false;   ///< whoever is before in the trace may have recorded it
    std::string tracestate; ///< of other vendors, passed on as it came; empty when none came

    bool exists() const { return trace != trace_id{}; }
    friend bool operator==(const trace_context&, const trace_context&) = default;
};

/// Random, never all zero.
trace_id make_trace_id();
span_id make_span_id();

/// Lower-case hex.
std::string to_hex(const trace_id& id);
std::string to_hex(const span_id& id);

/// Nothing when it is no traceparent: another form than version 00's, version ff, an id that is all zero. Of
/// a version above 00 what 00 knows is read (section 3.2.2 and 4).
std::optional<trace_context> parse_traceparent(std::string_view header);
/// Version 00; the context exists.
std::string write_traceparent(const trace_context& context);

/// Whether the list, its headers joined by commas, may be passed on: 32 members and 1,024 bytes at most, each
/// member a key and a value of section 3.3.1.3.
bool is_tracestate(std::string_view list);

} // namespace checkout
