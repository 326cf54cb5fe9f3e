#include "observe/trace.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>

namespace checkout {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

// version "-" trace-id "-" parent-id "-" trace-flags
constexpr std::size_t trace_at = 3;
constexpr std::size_t span_at = 36;
constexpr std::size_t flags_at = 53;
constexpr std::size_t version_00_size = 55;
constexpr std::uint8_t sampled_flag = 0x01;

constexpr std::size_t most_members = 32;
constexpr std::size_t most_state_bytes = 1024;
constexpr std::size_t most_key_bytes = 256;
constexpr std::size_t most_tenant_bytes = 241;
constexpr std::size_t most_system_bytes = 14;
constexpr std::size_t most_value_bytes = 256;

template <std::size_t Size>
std::array<std::uint8_t, Size> make_id() {
    std::array<std::uint8_t, Size> id{};
    while (std::ranges::all_of(id, [](std::uint8_t byte) { return byte == 0; })) {
        const auto got = getrandom(id.data(), id.size(), 0); // so few bytes come whole or not at all
        if (got < 0 && errno != EINTR)
            throw std::system_error(errno, std::generic_category(), "no random bytes");
    }
    return id;
}

template <std::size_t Size>
std::string write_hex(const std::array<std::uint8_t, Size>& bytes) {
    std::string text;
    text.reserve(2 * Size);
    for (const auto byte : bytes) {
        text += hex_digits[byte >> 4];
        text += hex_digits[byte & 0x0F];
    }
    return text;
}

/// Lower case alone; false when a character is no digit.
template <std::size_t Size>
bool read_hex(std::string_view text, std::array<std::uint8_t, Size>& out) {
    for (std::size_t i = 0; i < Size; ++i) {
        const auto high = hex_digits.find(text[2 * i]);
        const auto low = hex_digits.find(text[2 * i + 1]);
        if (high == std::string_view::npos || low == std::string_view::npos)
            return false;
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return true;
}

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_key_part(std::string_view text, std::size_t most) {
    return !text.empty() && text.size() <= most && std::ranges::all_of(text, [](char c) {
        return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '*' || c == '/';
    });
}

bool is_key(std::string_view key) {
    const auto at = key.find('@');
    if (at == std::string_view::npos)
        return is_key_part(key, most_key_bytes) && is_lower(key.front());
    const auto tenant = key.substr(0, at);
    const auto system = key.substr(at + 1);
    return is_key_part(tenant, most_tenant_bytes) && (is_lower(tenant.front()) || is_digit(tenant.front()))
           && is_key_part(system, most_system_bytes) && is_lower(system.front());
}

bool is_value(std::string_view value) {
    return !value.empty() && value.size() <= most_value_bytes && value.back() != ' '
           && std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view without_space_around(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_member(std::string_view member) {
    const auto equals = member.find('=');
    return equals != std::string_view::npos && is_key(member.substr(0, equals))
           && is_value(member.substr(equals + 1));
}

} // namespace

trace_id make_trace_id() {
    return make_id<trace_id{}.size()>();
}

span_id make_span_id() {
    return make_id<span_id{}.size()>();
}

std::string to_hex(const trace_id& id) {
    return write_hex(id);
}

std::string to_hex(const span_id& id) {
    return write_hex(id);
}

std::optional<trace_context> parse_traceparent(std::string_view header) {
    if (header.size() < version_00_size || header[trace_at - 1] != '-' || header[span_at - 1] != '-'
        || header[flags_at - 1] != '-')
        return std::nullopt;
    std::array<std::uint8_t, 1> version{};
    std::array<std::uint8_t, 1> flags{};
    trace_context context;
    if (!read_hex(header, version) || !read_hex(header.substr(trace_at), context.trace)
        || !read_hex(header.substr(span_at), context.span) || !read_hex(header.substr(flags_at), flags))
        return std::nullopt;
    const auto more = header.substr(version_00_size);
    const bool ends_well = more.empty() || (version[0] != 0 && more.front() == '-');
    if (version[0] == 0xFF || !ends_well || !context.exists() || context.span == span_id{})
        return std::nullopt;
    context.sampled = (flags[0] & sampled_flag) != 0;
    return context;
}

std::string write_traceparent(const trace_context& context) {
    return "00-" + to_hex(context.trace) + "-" + to_hex(context.span) + (context.sampled ? "-01" : "-00");
}

bool is_tracestate(std::string_view list) {
    if (list.size() > most_state_bytes)
        return false;
    std::size_t members = 0;
    while (!list.empty()) {
        const auto member = without_space_around(list.substr(0, list.find(',')));
        const auto comma = list.find(',');
        list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
        if (member.empty())
            continue;
        if (++members > most_members || !is_member(member))
            return false;
    }
    return members > 0;
}

} // namespace checkout
