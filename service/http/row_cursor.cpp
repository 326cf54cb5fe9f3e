#include "http/row_cursor.h"

#include "crypto/digest.h"
#include "http/query_reader.h"

#include <algorithm>
#include <charconv>

namespace checkout {

namespace {

constexpr std::size_t max_cursor_bytes = 256;
constexpr std::size_t uuid_length = 36;
constexpr std::size_t max_digits = 18; ///< of a bigint, without a doubt

bool is_digits(std::string_view text) {
    return !text.empty() && text.size() <= max_digits
           && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_uuid(std::string_view text) {
    constexpr std::size_t hyphens[] = {8, 13, 18, 23};
    if (text.size() != uuid_length)
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool hyphen = std::ranges::count(hyphens, i) > 0;
        const char c = text[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (hyphen ? c != '-' : !hex)
            return false;
    }
    return true;
}

} // namespace

std::string write_row_cursor(char kind, const report_position& place) {
    return to_base64url(std::string(1, kind) + "." + std::to_string(place.at.time_since_epoch().count()) + "."
                        + place.id);
}

std::optional<report_position> read_row_cursor(char kind, std::string_view cursor) {
    const auto text = cursor.size() > max_cursor_bytes ? std::nullopt : from_base64url(cursor);
    if (!text || text->size() < 2 || text->front() != kind || (*text)[1] != '.')
        return std::nullopt;
    const std::string_view rest = std::string_view(*text).substr(2);
    std::int64_t micros = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), micros);
    const auto used = static_cast<std::size_t>(end - rest.data());
    if (error != std::errc{} || used >= rest.size() || rest[used] != '.')
        return std::nullopt;
    const instant at{std::chrono::microseconds(micros)};
    const auto id = rest.substr(used + 1);
    const bool names_a_row = kind == 's' ? is_uuid(id) : is_digits(id);
    if (!query_reader::is_in_range(at) || !names_a_row)
        return std::nullopt;
    return report_position{at, std::string(id)};
}

} // namespace checkout
