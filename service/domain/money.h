// An amount with its currency.
#pragma once

#include "domain/decimal.h"

#include <string>
#include <string_view>

namespace checkout {

struct money {
    decimal amount;       ///< major units
    std::string currency; ///< ISO 4217, upper case
    bool operator==(const money&) const = default;
};

/// Decimal text with the currency's ISO 4217 number of digits, more where the amount has them: "49.90",
/// "500", "1.250".
std::string format_amount(const decimal& amount, std::string_view currency);

} // namespace checkout
