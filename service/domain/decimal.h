// Exact decimal numbers for money: an integer coefficient and a decimal scale, never a binary float.
// Refuses what it cannot hold exactly instead of rounding.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace checkout {

__extension__ typedef __int128 int128; // the keyword keeps -Wpedantic quiet; `using` does not take it

/// coefficient × 10^-scale with |value| < 10^15 and 0 <= scale <= 18.
class decimal {
public:
    static constexpr int max_integer_digits = 15;
    static constexpr int max_scale = 18;

    constexpr decimal() = default;
    /// Throws std::out_of_range when the value has more than 15 digits.
    static decimal from_integer(std::int64_t value);

    /// Plain decimal text: -?digits(.digits)?; no exponent, no '+', no leading zeros but one. Nothing when it
    /// is of another form or has more than 15 integer or 18 fraction digits (trailing fraction zeros don't
    /// count).
    static std::optional<decimal> parse(std::string_view text);
    /// A JSON number token or decimal string as a provider may send it: like parse, and an exponent is
    /// applied exactly.
    static std::optional<decimal> parse_lenient(std::string_view text);

    /// Digits after the point that the value needs: 49.90 needs 1.
    int needed_scale() const;
    bool is_negative() const { return coefficient_ < 0; }
    bool is_zero() const { return coefficient_ == 0; }

    /// Shortest plain text: "49.9", "500", "-0.5".
    std::string to_string() const;
    /// With at least `digits` digits after the point, more where the value needs them: (49.9, 2) is "49.90".
    std::string to_string(int digits) const;

    /// Nothing when the result does not fit.
    static std::optional<decimal> add(const decimal& a, const decimal& b);
    static std::optional<decimal> subtract(const decimal& a, const decimal& b);
    static std::optional<decimal> multiply(const decimal& a, std::int64_t factor);

    /// Numeric: 49.9 == 49.90.
    std::strong_ordering operator<=>(const decimal& other) const;
    bool operator==(const decimal& other) const { return (*this <=> other) == 0; }

private:
    friend class decimal_sum;
    constexpr decimal(int128 coefficient, int scale) : coefficient_(coefficient), scale_(scale) {}
    static std::optional<decimal> normalised(int128 coefficient, int scale);
    /// The coefficient at a scale of at least scale_ and at most max_scale: below 10^33, so sums of two fit.
    int128 coefficient_at(int scale) const;

    // Invariant: no trailing zero in coefficient_ while scale_ > 0.
    int128 coefficient_ = 0;
    int scale_ = 0;
};

/// A sum of more decimals than one decimal may hold: exact below 10^20.
class decimal_sum {
public:
    /// Throws std::overflow_error past that.
    void add(const decimal& value);
    /// As decimal's.
    std::string to_string(int digits) const;

private:
    int128 coefficient_ = 0; ///< at decimal::max_scale
};

} // namespace checkout
