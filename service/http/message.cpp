#include "http/message.h"

#include <algorithm>
#include <cstddef>

namespace checkout {

namespace {

char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_name(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, ascii_lower, ascii_lower);
}

std::optional<std::string_view> find_header(const std::vector<http_header>& headers, std::string_view name) {
    for (const auto& [key, value] : headers) {
        if (same_name(key, name))
            return value;
    }
    return std::nullopt;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    const char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            decoded += ' ';
        } else if (text[i] != '%') {
            decoded += text[i];
        } else {
            const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return std::nullopt;
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return decoded;
}

/// Cuts the text before the first separator off `rest`; `rest` becomes what follows it.
std::string_view take_until(std::string_view& rest, char separator) {
    const std::size_t at = rest.find(separator);
    const std::string_view taken = rest.substr(0, at);
    rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
    return taken;
}

} // namespace

std::optional<std::string_view> http_request::header(std::string_view name) const {
    return find_header(headers, name);
}

std::optional<std::string_view> http_response::header(std::string_view name) const {
    return find_header(headers, name);
}

void http_response::set(std::string_view name, std::string_view value) {
    std::string owned(value); // `value` may point into the headers that the next line drops
    std::erase_if(headers, [&](const http_header& header) { return same_name(header.first, name); });
    headers.emplace_back(name, std::move(owned));
}

std::optional<std::vector<std::string>> split_path(std::string_view path) {
    if (path.starts_with('/'))
        path.remove_prefix(1);
    std::vector<std::string> segments;
    if (path.empty())
        return segments;
    for (bool more = true; more;) {
        more = path.find('/') != std::string_view::npos;
        auto segment = percent_decode(take_until(path, '/'), false);
        if (!segment)
            return std::nullopt;
        segments.push_back(std::move(*segment));
    }
    return segments;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
    std::vector<std::pair<std::string, std::string>> parameters;
    while (!query.empty()) {
        std::string_view value = take_until(query, '&');
        if (value.empty())
            continue;
        auto name = percent_decode(take_until(value, '='), true);
        auto decoded = percent_decode(value, true);
        if (!name || !decoded)
            return std::nullopt;
        parameters.emplace_back(std::move(*name), std::move(*decoded));
    }
    return parameters;
}

} // namespace checkout
