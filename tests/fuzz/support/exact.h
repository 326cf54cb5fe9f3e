// A second reading of decimal numbers, over their text and over whole units, to hold domain/decimal against.
#pragma once

#include "domain/decimal.h"

#include <optional>
#include <string>
#include <string_view>

namespace checkout {

/// `token`, a number of RFC 8259, as the shortest plain text of its value; nothing past 15 integer or 18
/// fraction digits.
std::optional<std::string> shortest_text(std::string_view token);

/// The value in units of 10^-18, read off its own text. Throws std::logic_error when that text is no plain
/// decimal.
int128 units_of(const decimal& value);

} // namespace checkout
