// ISO 4217: the currencies and how many digits each has after the point. The table in currency_table.inc is
// generated from a maintained copy of the standard's own list (see generate_currency_table.mjs).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace checkout {

struct currency_entry {
    std::string_view code; ///< three upper-case letters
    int minor_digits;      ///< digits after the point: 0, 2, 3 or 4
};

/// Every active currency with a minor unit, sorted by code. Metals, baskets and test codes (XAU, XDR, XXX …)
/// have none and are left out.
std::span<const currency_entry> currency_table();

/// The currency's number of digits, or nothing when ISO 4217 has no such currency.
std::optional<int> find_minor_digits(std::string_view code);

} // namespace checkout
