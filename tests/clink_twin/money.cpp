#include "money.h"

#include <algorithm>
#include <array>

namespace clink_twin {

using checkout::decimal;

namespace {

constexpr std::array<std::string_view, 16> no_digits = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY",
                                                        "KMF", "KRW", "PYG", "RWF", "UGX", "VND",
                                                        "VUV", "XAF", "XOF", "XPF"};
constexpr std::array<std::string_view, 7> three_digits = {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"};

/// Moves the point of plain, non-negative decimal text `places` to the left.
std::string shift_point(std::string text, int places) {
    auto point = text.find('.');
    if (point == std::string::npos)
        point = text.size();
    else
        text.erase(point, 1);
    auto shift = static_cast<std::size_t>(places);
    if (point <= shift) {
        text.insert(0, shift - point + 1, '0');
        point = shift + 1;
    }
    text.insert(point - shift, 1, '.');
    if (text.back() == '.')
        text.pop_back();
    return text;
}

std::optional<decimal> round_half_up(const std::string& text, int digits) {
    auto point = text.find('.');
    auto kept = static_cast<std::size_t>(digits);
    if (point == std::string::npos || text.size() - point - 1 <= kept)
        return decimal::parse_lenient(text);
    auto cut = decimal::parse_lenient(text.substr(0, digits == 0 ? point : point + 1 + kept));
    if (!cut || text[point + 1 + kept] < '5')
        return cut;
    return decimal::add(*cut, *decimal::parse_lenient(shift_point("1", digits)));
}

} // namespace

int currency_digits(std::string_view currency) {
    if (std::ranges::find(no_digits, currency) != no_digits.end())
        return 0;
    return std::ranges::find(three_digits, currency) != three_digits.end() ? 3 : 2;
}

std::optional<decimal> scale_amount(const decimal& amount, const decimal& factor, int shift, int digits) {
    auto scale = factor.needed_scale();
    auto text = factor.to_string(scale);
    std::erase(text, '.');
    if (text.empty() || text.size() > 18 || amount.is_negative() || factor.is_negative())
        return std::nullopt;
    auto product = decimal::multiply(amount, std::stoll(text));
    if (!product)
        return std::nullopt;
    return round_half_up(shift_point(product->to_string(), scale + shift), digits);
}

std::string format_amount(const decimal& amount, std::string_view currency) {
    auto text = amount.to_string(currency_digits(currency));
    auto start = text.starts_with('-') ? std::size_t{1} : std::size_t{0};
    auto end = std::min(text.find('.'), text.size());
    for (auto at = end; at > start + 3;) {
        at -= 3;
        text.insert(at, 1, ',');
    }
    return text;
}

} // namespace clink_twin
