// Points in time: UTC microseconds (what PostgreSQL keeps), and RFC 3339 text.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace checkout {

using instant = std::chrono::sys_time<std::chrono::microseconds>;

/// "2026-11-21T08:53:53.123Z": milliseconds, always UTC.
std::string to_rfc3339(instant at);
/// With all six digits.
std::string to_rfc3339_micros(instant at);

/// An RFC 3339 date-time with offset ("Z", "+02:00"), fractions cut to microseconds; nothing when malformed
/// or when it names no real day or time. A leap second :60 is read as :59.999999.
std::optional<instant> parse_rfc3339(std::string_view text);
/// "2026-11-21" as that day's start in UTC.
std::optional<instant> parse_date(std::string_view text);
/// "today" and "today-3" (0 to 99999 days before it) as the start of that UTC day, seen from `now`.
std::optional<instant> parse_relative_day(std::string_view text, instant now);

} // namespace checkout
