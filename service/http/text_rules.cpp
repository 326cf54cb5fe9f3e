#include "http/text_rules.h"

#include <algorithm>
#include <cstddef>

namespace checkout {

namespace {

constexpr std::size_t max_order_id_bytes = 128;
constexpr std::size_t max_email_bytes = 254; // RFC 5321 section 4.5.3.1.3, less the angle brackets
constexpr std::size_t max_email_local_bytes = 64;
constexpr std::size_t max_payment_method_bytes = 40;

/// How many bytes a character with this first byte has; 0 when none begins with it.
std::size_t sequence_length(unsigned char first) {
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/// The smallest code point that needs so many bytes.
constexpr char32_t smallest_of_length[] = {0, 0, 0x80, 0x800, 0x10000};

bool is_scalar(char32_t c) {
    return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

/// Takes the first character off `text`.
std::optional<char32_t> take_character(std::string_view& text) {
    const auto first = static_cast<unsigned char>(text.front());
    const auto length = sequence_length(first);
    if (length == 0 || length > text.size())
        return std::nullopt;
    char32_t c = length == 1 ? first : first & (0x7FU >> length);
    for (const char next : text.substr(1, length - 1)) {
        if ((static_cast<unsigned char>(next) & 0xC0) != 0x80)
            return std::nullopt;
        c = (c << 6) | (static_cast<unsigned char>(next) & 0x3F);
    }
    if (c < smallest_of_length[length] || !is_scalar(c))
        return std::nullopt;
    text.remove_prefix(length);
    return c;
}

bool is_email_character(char32_t c) {
    constexpr std::u32string_view refused = U"()<>[]:;@\\,\"";
    return !is_control(c) && !is_white_space(c) && refused.find(c) == std::u32string_view::npos;
}

bool is_email_domain(std::u32string_view domain) {
    return !domain.empty() && domain.front() != U'.' && domain.back() != U'.'
           && domain.find(U"..") == std::u32string_view::npos
           && std::ranges::all_of(domain, is_email_character);
}

} // namespace

std::optional<std::u32string> decode_utf8(std::string_view text) {
    std::u32string characters;
    characters.reserve(text.size());
    while (!text.empty()) {
        const auto c = take_character(text);
        if (!c)
            return std::nullopt;
        characters += *c;
    }
    return characters;
}

bool is_control(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

bool is_white_space(char32_t c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680
           || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F
           || c == 0x3000 || c == 0xFEFF;
}

bool is_merchant_order_id(std::string_view text) {
    if (text.empty() || text.size() > max_order_id_bytes || text == "null" || text == "." || text == "..")
        return false;
    const auto characters = decode_utf8(text);
    return characters && std::ranges::none_of(*characters, is_control) && !is_white_space(characters->front())
           && !is_white_space(characters->back());
}

bool is_email_address(std::string_view text) {
    const auto at = text.find('@');
    const auto characters = decode_utf8(text);
    if (text.size() > max_email_bytes || at == std::string_view::npos || at == 0 || at > max_email_local_bytes
        || !characters)
        return false;
    const std::u32string_view all = *characters;
    const auto split = all.find(U'@');
    return std::ranges::all_of(all.substr(0, split), is_email_character)
           && is_email_domain(all.substr(split + 1));
}

bool is_payment_method_name(std::string_view text) {
    const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    return !text.empty() && text.size() <= max_payment_method_bytes && is_upper(text.front())
           && std::ranges::all_of(text,
                                  [&](char c) { return is_upper(c) || (c >= '0' && c <= '9') || c == '_'; });
}

} // namespace checkout
