// The little arithmetic that a checkout page needs: conversion, percentages and amounts for the eye.
// Results that do not fit are nothing; rounding happens only where a rate makes it unavoidable, half up.
#pragma once

#include "domain/decimal.h"

#include <optional>
#include <string>
#include <string_view>

namespace clink_twin {

/// Digits after the point that people of that currency use: 0, 2 or 3; 2 for one that the twin does not know.
int currency_digits(std::string_view currency);

/// amount × factor × 10^-shift, rounded half up to `digits` digits. Amounts must not be negative.
std::optional<checkout::decimal> scale_amount(const checkout::decimal& amount,
                                              const checkout::decimal& factor, int shift, int digits);

/// "1,249.00" for (1249, "USD"): grouped, with the currency's digits, never fewer than the value needs.
std::string format_amount(const checkout::decimal& amount, std::string_view currency);

} // namespace clink_twin
