// Amounts: two texts as numbers, a factor and a currency. Reading, writing and arithmetic are held against a
// second reading of the same digits (support/exact.h), so that no amount is ever rounded, cut or moved by a
// power of ten.
#include "domain/currency.h"
#include "domain/money.h"
#include "support/exact.h"
#include "support/fuzz_input.h"
#include "support/property.h"
#include "support/text.h"
#include "json/json.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

using namespace checkout;

namespace {

constexpr int128 ten_to(int exponent) {
    return exponent == 0 ? 1 : 10 * ten_to(exponent - 1);
}
constexpr int128 limit_units = ten_to(decimal::max_integer_digits + decimal::max_scale);

/// Boost.JSON's word on the grammar. It refuses exponents past an int, which a decimal may know what to do
/// with.
bool is_number(std::string_view text) {
    const auto parsed = parse_json(text);
    return parsed && parsed->if_number() && parsed->if_number()->token == text;
}

std::size_t fraction_digits(std::string_view plain) {
    const auto point = plain.find('.');
    return point == std::string_view::npos ? 0 : plain.size() - point - 1;
}

void check_reading(std::string_view text) {
    const auto lenient = decimal::parse_lenient(text);
    const auto strict = decimal::parse(text);
    const bool has_exponent = text.find_first_of("eE") != std::string_view::npos;
    if (is_number(text)) {
        const auto wanted = shortest_text(text);
        must(lenient.has_value() == wanted.has_value(), "a number is read exactly when it fits");
        must(!wanted || lenient->to_string() == *wanted, "a number keeps its digits");
    } else {
        must(!strict, "what is no number is no amount");
        must(!lenient || has_exponent, "what is no number is no amount, but for the size of an exponent");
    }
    must(strict.has_value() == (lenient.has_value() && !has_exponent), "only the lenient form has exponents");
    must(!strict || *strict == *lenient, "both forms read the same value");
}

void check_writing(const decimal& value) {
    const auto shortest = value.to_string();
    must(decimal::parse(shortest) == value, "shortest text reads as the value");
    must(fraction_digits(shortest) == static_cast<std::size_t>(value.needed_scale()),
         "the shortest text has the digits that are needed");
    must(value.is_negative() == (shortest.front() == '-'), "the sign is written");
    must(value.is_zero() == (shortest == "0"), "zero is 0");
    for (const int digits : {0, 1, 2, 3, 4, 18}) {
        const auto padded = value.to_string(digits);
        must(decimal::parse(padded) == value, "padded text reads as the value");
        must(fraction_digits(padded) == static_cast<std::size_t>(std::max(digits, value.needed_scale())),
             "padding adds what is missing and cuts nothing");
    }
}

void check_money(const decimal& value, std::string_view currency) {
    const auto digits = find_minor_digits(currency);
    const auto text = format_amount(value, currency);
    must(decimal::parse(text) == value, "a formatted amount is the amount");
    must(text == value.to_string(digits.value_or(0)), "an amount has its currency's digits");
}

bool is(const std::optional<decimal>& result, int128 wanted_units) {
    const bool fits = wanted_units < limit_units && wanted_units > -limit_units;
    return result.has_value() == fits && (!fits || units_of(*result) == wanted_units);
}

void check_arithmetic(const decimal& a, const decimal& b, std::int64_t factor) {
    must(is(decimal::add(a, b), units_of(a) + units_of(b)), "a sum is exact or nothing");
    must(is(decimal::subtract(a, b), units_of(a) - units_of(b)), "a difference is exact or nothing");
    must((a <=> b) == (units_of(a) <=> units_of(b)), "amounts compare as numbers");
    must((a == b) == (a.to_string() == b.to_string()), "equal amounts have one shortest text");
    int128 product = 0;
    if (__builtin_mul_overflow(units_of(a), static_cast<int128>(factor), &product))
        must(!decimal::multiply(a, factor), "a product that is too large is nothing");
    else
        must(is(decimal::multiply(a, factor), product), "a product is exact or nothing");
}

void check_integer(std::int64_t number) {
    const int128 units = number * ten_to(decimal::max_scale);
    try {
        must(decimal::from_integer(number).to_string() == std::to_string(number), "a whole number is itself");
    } catch (const std::out_of_range&) {
        must(units >= limit_units || units <= -limit_units, "a whole number that fits is taken");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const auto first = input.line();
    const auto second = input.line();
    const auto factor = number_of(input.line());
    const auto currency = input.rest();
    check_reading(first);
    check_reading(second);
    check_integer(factor);
    const auto a = decimal::parse_lenient(first);
    const auto b = decimal::parse_lenient(second);
    if (a) {
        check_writing(*a);
        check_money(*a, currency);
    }
    if (a && b) {
        check_arithmetic(*a, *b, factor);
        check_arithmetic(*b, *a, factor);
    }
    return 0;
}
