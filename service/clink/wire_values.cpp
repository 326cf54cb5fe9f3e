#include "clink/wire_values.h"

#include <algorithm>
#include <charconv>

namespace checkout {
namespace {

constexpr std::size_t max_id_bytes = 512;
constexpr std::int64_t least_milliseconds = 100'000'000'000; // as seconds the year 5138, as milliseconds 1973
constexpr std::int64_t last_second = 253'402'300'799;        // of the year 9999

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
char to_upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

// A number's token or a string's characters, as they are.
const std::string* find_characters(const json_value* value) {
    if (!value)
        return nullptr;
    if (const auto* number = value->if_number())
        return &number->token;
    return value->if_string();
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

std::optional<instant> from_unix_time(std::int64_t count) {
    if (count <= 0 || count / 1000 > last_second)
        return std::nullopt;
    if (count < least_milliseconds)
        return instant{std::chrono::seconds{count}};
    return instant{std::chrono::milliseconds{count}};
}

// Jackson's default writes offsets without the colon that RFC 3339 wants.
std::string with_colon_in_offset(std::string text) {
    constexpr std::size_t offset_size = 5;
    if (text.size() <= offset_size)
        return text;
    const auto offset = text.end() - offset_size;
    if ((*offset == '+' || *offset == '-') && std::all_of(offset + 1, text.end(), is_digit))
        text.insert(text.end() - 2, ':');
    return text;
}

} // namespace

std::optional<std::string> read_text(const json_value* value) {
    const auto* text = find_characters(value);
    if (!text || trim(*text).empty() || trim(*text) == "null" || std::ranges::any_of(*text, is_control))
        return std::nullopt;
    return *text;
}

std::optional<std::string> read_id(const json_value* value) {
    auto text = read_text(value);
    return text && text->size() <= max_id_bytes ? std::move(text) : std::nullopt;
}

std::optional<decimal> read_amount(const json_value* value) {
    const auto* text = find_characters(value);
    return text ? decimal::parse_lenient(trim(*text)) : std::nullopt;
}

std::optional<std::int64_t> read_integer(const json_value* value) {
    const auto amount = read_amount(value);
    return amount ? parse_integer(amount->to_string()) : std::nullopt;
}

std::optional<std::string> read_currency(const json_value* value) {
    const auto* characters = find_characters(value);
    std::string code(characters ? trim(*characters) : std::string_view{});
    if (code.size() != 3 || !std::ranges::all_of(code, is_letter))
        return std::nullopt;
    std::ranges::transform(code, code.begin(), to_upper);
    return code;
}

std::optional<instant> read_instant(const json_value* value) {
    const auto* text = find_characters(value);
    if (!text)
        return std::nullopt;
    if (const auto count = read_integer(value))
        return from_unix_time(*count);
    const auto at = parse_rfc3339(with_colon_in_offset(std::string(trim(*text))));
    const instant end{std::chrono::seconds{last_second + 1}};
    return at && *at >= instant{} && *at < end ? at : std::nullopt;
}

std::string read_spelling(const json_value* value) {
    const auto* text = value ? value->if_string() : nullptr;
    std::string folded;
    for (const char c : text ? *text : std::string())
        if (is_letter(c) || is_digit(c))
            folded += to_lower(c);
    return folded;
}

} // namespace checkout
