// Structured log: one JSON object a line on standard error, thread-safe, level-filtered. Callers never pass
// secrets, URLs with tokens, or request bodies; this file cannot tell.
#pragma once

#include "observe/call_context.h"
#include "json/json.h"

#include <initializer_list>
#include <string_view>
#include <utility>

namespace checkout {

enum class log_level { debug, info, warning, error };

/// One field: a name in snake_case and a JSON value (durations as numbers named `*_ms`).
struct log_field {
    std::string_view name;
    json_value value;
};

/// Lines below this level are dropped. Set once at start; `info` before that.
void set_log_level(log_level level);
bool log_enabled(log_level level);

/// Writes {"time":RFC 3339 UTC with milliseconds,"level":…,"event":…, fields…} in one write(2).
/// `event` is a stable snake_case name that an operator can search for; prose goes into a field "detail".
void write_log(log_level level, std::string_view event, std::initializer_list<log_field> fields = {});
/// The same of what belongs to a request or to a piece of background work: `request_id` and `trace_id` come
/// first.
void write_log(log_level level, std::string_view event, const call_context& context,
               std::initializer_list<log_field> fields = {});

} // namespace checkout
