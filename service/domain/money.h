// An amount with its currency.
#pragma once

#include "domain/decimal.h"

#include <string>

namespace checkout {

struct money {
    decimal amount;       ///< major units
    std::string currency; ///< ISO 4217, upper case
    bool operator==(const money&) const = default;
};

} // namespace checkout
