#include "support/exact.h"

#include "support/text.h"

#include <stdexcept>

namespace checkout {

namespace {

constexpr std::int64_t max_integer_digits = 15;
constexpr std::int64_t max_fraction_digits = 18;

/// `digits` with the point before the one at `point`, which may lie outside of them.
std::string place_point(std::string digits, std::int64_t point) {
    if (point <= 0)
        return "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
    const auto integer_digits = static_cast<std::size_t>(point);
    if (integer_digits >= digits.size())
        return digits.append(integer_digits - digits.size(), '0');
    return digits.insert(integer_digits, 1, '.');
}

std::int64_t exponent_of(std::string_view text) {
    if (text.starts_with('+'))
        text.remove_prefix(1);
    return number_of(text);
}

} // namespace

std::optional<std::string> shortest_text(std::string_view token) {
    const std::string sign = token.starts_with('-') ? "-" : "";
    token.remove_prefix(sign.size());
    auto mantissa = token.substr(0, token.find_first_of("eE"));
    const auto exponent = token.substr(std::min(token.size(), mantissa.size() + 1));

    std::string digits(take_until(mantissa, '.'));
    auto point = static_cast<std::int64_t>(digits.size()) + exponent_of(exponent);
    digits += mantissa;
    const auto leading = std::min(digits.find_first_not_of('0'), digits.size());
    digits.erase(0, leading);
    point -= static_cast<std::int64_t>(leading);
    while (digits.ends_with('0'))
        digits.pop_back();

    if (digits.empty())
        return "0";
    if (point > max_integer_digits || static_cast<std::int64_t>(digits.size()) - point > max_fraction_digits)
        return std::nullopt;
    return sign + place_point(std::move(digits), point);
}

int128 units_of(const decimal& value) {
    const auto text = value.to_string();
    std::string_view fraction = text;
    const bool negative = fraction.starts_with('-');
    if (negative)
        fraction.remove_prefix(1);
    std::string digits(take_until(fraction, '.'));
    if (digits.empty() || fraction.size() > max_fraction_digits)
        throw std::logic_error("no plain decimal: " + text);
    digits += fraction;
    digits.append(max_fraction_digits - fraction.size(), '0');
    int128 units = 0;
    for (const char c : digits) {
        if (c < '0' || c > '9')
            throw std::logic_error("no plain decimal: " + text);
        units = units * 10 + (c - '0');
    }
    return negative ? -units : units;
}

} // namespace checkout
