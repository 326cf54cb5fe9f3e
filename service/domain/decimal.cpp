#include "domain/decimal.h"

#include <algorithm>
#include <stdexcept>

namespace checkout {

namespace {

constexpr int128 power_of_ten(int exponent) {
    int128 power = 1;
    for (; exponent > 0; --exponent)
        power *= 10;
    return power;
}

/// Where an exponent stops counting: no text is long enough to shift its point back from there.
constexpr std::int64_t exponent_limit = std::int64_t{1} << 40;

/// The parts of a number token, digits not yet valued.
struct token_parts {
    bool negative = false;
    std::string_view integer;
    std::string_view fraction;
    std::int64_t exponent = 0;
};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool skip(std::string_view& rest, char c) {
    if (rest.empty() || rest.front() != c)
        return false;
    rest.remove_prefix(1);
    return true;
}

std::string_view take_digits(std::string_view& rest) {
    const auto length = static_cast<std::size_t>(std::ranges::find_if_not(rest, is_digit) - rest.begin());
    const std::string_view digits = rest.substr(0, length);
    rest.remove_prefix(length);
    return digits;
}

std::int64_t saturated_value(std::string_view digits) {
    std::int64_t value = 0;
    for (const char c : digits)
        value = std::min(value * 10 + (c - '0'), exponent_limit);
    return value;
}

/// The e of a number token with what follows it; nothing when it has no digits.
std::optional<std::int64_t> take_exponent(std::string_view& rest) {
    rest.remove_prefix(1);
    const bool negative = skip(rest, '-');
    if (!negative)
        skip(rest, '+');
    const std::string_view digits = take_digits(rest);
    if (digits.empty())
        return std::nullopt;
    return negative ? -saturated_value(digits) : saturated_value(digits);
}

/// RFC 8259's grammar of a number.
std::optional<token_parts> split(std::string_view text) {
    token_parts parts;
    parts.negative = skip(text, '-');
    parts.integer = take_digits(text);
    if (parts.integer.empty() || (parts.integer.size() > 1 && parts.integer.front() == '0'))
        return std::nullopt;
    if (skip(text, '.')) {
        parts.fraction = take_digits(text);
        if (parts.fraction.empty())
            return std::nullopt;
    }
    if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
        const auto exponent = take_exponent(text);
        if (!exponent)
            return std::nullopt;
        parts.exponent = *exponent;
    }
    return text.empty() ? std::optional(parts) : std::nullopt;
}

int128 value_of(std::string_view digits) {
    int128 value = 0;
    for (const char c : digits)
        value = value * 10 + (c - '0');
    return value;
}

} // namespace

std::optional<decimal> decimal::normalised(int128 coefficient, int scale) {
    while (scale > 0 && coefficient % 10 == 0) {
        coefficient /= 10;
        --scale;
    }
    const int128 limit = power_of_ten(max_integer_digits + std::min(scale, max_scale));
    if (scale > max_scale || coefficient >= limit || coefficient <= -limit)
        return std::nullopt;
    return decimal(coefficient, scale);
}

int128 decimal::coefficient_at(int scale) const {
    return coefficient_ * power_of_ten(scale - scale_);
}

decimal decimal::from_integer(std::int64_t value) {
    const auto result = normalised(value, 0);
    if (!result)
        throw std::out_of_range("decimal: more than 15 integer digits");
    return *result;
}

std::optional<decimal> decimal::parse(std::string_view text) {
    return text.find_first_of("eE") == std::string_view::npos ? parse_lenient(text) : std::nullopt;
}

std::optional<decimal> decimal::parse_lenient(std::string_view text) {
    const auto parts = split(text);
    if (!parts)
        return std::nullopt;
    std::string digits(parts->integer);
    digits += parts->fraction;
    const std::size_t first = digits.find_first_not_of('0');
    if (first == std::string::npos)
        return decimal();
    const std::size_t last = digits.find_last_not_of('0');
    const auto significant = static_cast<std::int64_t>(last - first + 1);
    // The value is its significant digits, read as an integer, times ten to this power.
    const std::int64_t power = static_cast<std::int64_t>(parts->integer.size())
                               - static_cast<std::int64_t>(last) - 1 + parts->exponent;
    if (significant + power > max_integer_digits || -power > max_scale)
        return std::nullopt;
    const int128 magnitude = value_of(std::string_view(digits).substr(first, last - first + 1))
                             * power_of_ten(static_cast<int>(std::max<std::int64_t>(power, 0)));
    const int scale = static_cast<int>(std::max<std::int64_t>(-power, 0));
    return normalised(parts->negative ? -magnitude : magnitude, scale);
}

int decimal::needed_scale() const {
    return scale_;
}

std::string decimal::to_string() const {
    return to_string(0);
}

std::string decimal::to_string(int digits) const {
    std::string text;
    for (int128 rest = is_negative() ? -coefficient_ : coefficient_; rest > 0; rest /= 10)
        text += static_cast<char>('0' + static_cast<int>(rest % 10));
    const auto scale = static_cast<std::size_t>(scale_);
    text.append(text.size() <= scale ? scale + 1 - text.size() : 0, '0');
    std::ranges::reverse(text);
    const int padding = std::max(digits - scale_, 0);
    if (scale > 0 || padding > 0)
        text.insert(text.size() - scale, 1, '.');
    text.append(static_cast<std::size_t>(padding), '0');
    return is_negative() ? '-' + text : text;
}

std::optional<decimal> decimal::add(const decimal& a, const decimal& b) {
    const int scale = std::max(a.scale_, b.scale_);
    return normalised(a.coefficient_at(scale) + b.coefficient_at(scale), scale);
}

std::optional<decimal> decimal::subtract(const decimal& a, const decimal& b) {
    return add(a, decimal(-b.coefficient_, b.scale_));
}

std::optional<decimal> decimal::multiply(const decimal& a, std::int64_t factor) {
    int128 product = 0;
    // What overflows 127 bits is over 10^15 at every scale.
    if (__builtin_mul_overflow(a.coefficient_, static_cast<int128>(factor), &product))
        return std::nullopt;
    return normalised(product, a.scale_);
}

std::strong_ordering decimal::operator<=>(const decimal& other) const {
    const int scale = std::max(scale_, other.scale_);
    const int128 mine = coefficient_at(scale);
    const int128 theirs = other.coefficient_at(scale);
    if (mine == theirs)
        return std::strong_ordering::equal;
    return mine < theirs ? std::strong_ordering::less : std::strong_ordering::greater;
}

void decimal_sum::add(const decimal& value) {
    if (__builtin_add_overflow(coefficient_, value.coefficient_at(decimal::max_scale), &coefficient_))
        throw std::overflow_error("a sum of amounts has more than 20 integer digits");
}

std::string decimal_sum::to_string(int digits) const {
    decimal total(coefficient_, decimal::max_scale);
    while (total.scale_ > 0 && total.coefficient_ % 10 == 0) {
        total.coefficient_ /= 10;
        --total.scale_;
    }
    return total.to_string(digits);
}

} // namespace checkout
