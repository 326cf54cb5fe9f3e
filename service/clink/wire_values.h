// Single values out of Clink's JSON, read as tolerantly as clink-api.md shows them written: what is absent,
// null, blank, of another kind or out of bounds is nothing. Takes pointers because json_value::find gives
// them.
#pragma once

#include "domain/decimal.h"
#include "domain/instant.h"
#include "json/json.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace checkout {

/// A string, or a number's token. Blank text, the literal "null" (5.6) and text with control characters are
/// nothing.
std::optional<std::string> read_text(const json_value* value);

/// Text that can be an identifier: as read_text, at most 512 bytes (so that an index can hold it).
std::optional<std::string> read_id(const json_value* value);

/// An amount, number or decimal string, exact (2.4); nothing past 15 integer digits.
std::optional<decimal> read_amount(const json_value* value);

/// A whole number, number or string, that fits.
std::optional<std::int64_t> read_integer(const json_value* value);

/// A three-letter code in upper case.
std::optional<std::string> read_currency(const json_value* value);

/// An ISO 8601 string with its offset ("Z", "+02:00", "+0200"), or Unix time as number or digits: from 10^11
/// on milliseconds, below it seconds. A time before 1970 or without offset is nothing.
std::optional<instant> read_instant(const json_value* value);

/// An enum's spelling folded to lower-case letters and digits: "PARTIAL_REFUNDED" → "partialrefunded". Empty
/// when it is no text.
std::string read_spelling(const json_value* value);

} // namespace checkout
