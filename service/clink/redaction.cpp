#include "clink/redaction.h"

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <variant>

namespace checkout {
namespace {

constexpr std::string_view redacted = "[redacted]";
constexpr std::string_view replacement_character = "\xEF\xBF\xBD";
// The page's token under every name that it was seen under, and the address that holds our own cancel token.
constexpr std::array<std::string_view, 6> secret_members{"token",       "tokenValue",        "url",
                                                         "checkoutUrl", "hostedCheckoutUrl", "cancelUrl"};

bool is_secret_member(std::string_view name) {
    return std::any_of(secret_members.begin(), secret_members.end(),
                       [name](std::string_view secret) { return boost::algorithm::iequals(name, secret); });
}

bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// What the first byte of a UTF-8 sequence says of it.
struct sequence_kind {
    std::size_t length;
    char32_t lead_bits;
    char32_t least; // a smaller code point has a shorter form, and this one is not allowed
};

std::optional<sequence_kind> find_sequence_kind(unsigned char lead) {
    if (lead < 0x80)
        return sequence_kind{1, lead, 0};
    if ((lead & 0xE0) == 0xC0)
        return sequence_kind{2, lead & 0x1Fu, 0x80};
    if ((lead & 0xF0) == 0xE0)
        return sequence_kind{3, lead & 0x0Fu, 0x800};
    if ((lead & 0xF8) == 0xF0)
        return sequence_kind{4, lead & 0x07u, 0x10000};
    return std::nullopt;
}

// Bytes of the UTF-8 character that `text` starts with; 0 when it starts with none.
std::size_t leading_character_bytes(std::string_view text) {
    const auto kind = find_sequence_kind(static_cast<unsigned char>(text.front()));
    if (!kind || text.size() < kind->length)
        return 0;
    char32_t code_point = kind->lead_bits;
    for (const char byte : text.substr(1, kind->length - 1)) {
        if (!is_continuation(byte))
            return 0;
        code_point = (code_point << 6) | (static_cast<unsigned char>(byte) & 0x3Fu);
    }
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    return code_point < kind->least || code_point > 0x10FFFF || surrogate ? 0 : kind->length;
}

bool is_control(char byte) {
    return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F;
}

std::string to_clean_line(std::string_view text) {
    std::string line;
    while (!text.empty()) {
        const auto bytes = leading_character_bytes(text);
        if (bytes == 0)
            line += replacement_character;
        else if (is_control(text.front()))
            line += ' ';
        else
            line += text.substr(0, bytes);
        text.remove_prefix(std::max<std::size_t>(bytes, 1));
    }
    return line;
}

std::string_view trim_spaces(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::string_view cut_between_characters(std::string_view text, std::size_t limit) {
    if (text.size() <= limit)
        return text;
    while (limit > 0 && is_continuation(text[limit]))
        --limit;
    return text.substr(0, limit);
}

// jsonb keeps numbers as numeric: some 131,072 digits before the point. No number that means anything comes
// near.
bool fits_jsonb(std::string_view token) {
    constexpr std::size_t longest_token = 100;
    constexpr std::size_t longest_exponent = 3;
    const auto exponent = token.find_first_of("eE");
    if (exponent == std::string_view::npos)
        return token.size() <= longest_token;
    const auto digits = token.find_first_of("0123456789", exponent);
    return token.size() <= longest_token && token.size() - digits <= longest_exponent;
}

// jsonb refuses U+0000.
std::string clean_string(std::string_view text, std::string_view secret) {
    std::string clean;
    for (const char byte : redact(text, secret)) {
        if (byte == '\0')
            clean += replacement_character;
        else
            clean += byte;
    }
    return clean;
}

struct sanitiser {
    std::string_view secret;

    json_value operator()(std::nullptr_t) const { return nullptr; }
    json_value operator()(bool value) const { return value; }
    json_value operator()(const json_number& number) const {
        auto token = redact(number.token, secret);
        if (token != number.token || !fits_jsonb(token))
            return token;
        return number;
    }
    json_value operator()(const std::string& text) const { return clean_string(text, secret); }
    json_value operator()(const json_array& array) const {
        json_array clean;
        for (const auto& value : array)
            clean.push_back(std::visit(*this, value.alternatives()));
        return clean;
    }
    json_value operator()(const json_object& object) const {
        json_object clean;
        for (const auto& [name, value] : object)
            if (!is_secret_member(name))
                clean.push_back({clean_string(name, secret), std::visit(*this, value.alternatives())});
        return clean;
    }
};

} // namespace

std::string redact(std::string_view text, std::string_view secret) {
    std::string result;
    while (!secret.empty()) {
        const auto at = text.find(secret);
        if (at == std::string_view::npos)
            break;
        result.append(text.substr(0, at)).append(redacted);
        text.remove_prefix(at + secret.size());
    }
    return result.append(text);
}

std::string clean_message(std::string_view text, std::string_view secret) {
    const auto line = to_clean_line(redact(text, secret));
    return std::string(trim_spaces(cut_between_characters(trim_spaces(line), max_message_bytes)));
}

std::string sanitise_body(const json_value& body, std::string_view secret) {
    auto text = write_json(std::visit(sanitiser{secret}, body.alternatives()));
    if (text.size() <= max_sanitised_bytes)
        return text;
    return write_json(json_object{{"omitted", "the body is over 64 KiB"},
                                  {"bytes", static_cast<std::uint64_t>(text.size())}});
}

} // namespace checkout
