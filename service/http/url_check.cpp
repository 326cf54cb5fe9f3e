#include "http/url_check.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace checkout {

namespace {

constexpr std::size_t max_host_bytes = 253; // RFC 1035 section 2.3.4, without the root's dot
constexpr std::size_t max_label_bytes = 63;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string to_lower(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) { return to_lower(c); });
    return lower;
}

bool has_forbidden_character(std::string_view text) {
    constexpr std::string_view refused = "\\\"<>^`|";
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c <= ' ' || c > '~' || refused.find(c) != std::string_view::npos)
            return true;
        if (c == '%' && (text.size() - i < 3 || !is_hex_digit(text[i + 1]) || !is_hex_digit(text[i + 2])))
            return true;
    }
    return false;
}

/// What follows "http://" or "https://" with which of them it was.
std::optional<std::pair<bool, std::string_view>> split_scheme(std::string_view text) {
    for (const auto& [scheme, https] : {std::pair("https://", true), std::pair("http://", false)}) {
        const std::string_view prefix = scheme;
        if (to_lower(text.substr(0, prefix.size())) == prefix)
            return std::pair(https, text.substr(prefix.size()));
    }
    return std::nullopt;
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= max_label_bytes && std::ranges::all_of(label, [](char c) {
        return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_';
    });
}

bool is_dns_name(std::string_view name) {
    if (name.ends_with('.'))
        name.remove_suffix(1);
    if (name.empty() || name.size() > max_host_bytes)
        return false;
    while (true) {
        const auto dot = name.find('.');
        if (!is_label(name.substr(0, dot)))
            return false;
        if (dot == std::string_view::npos)
            return true;
        name.remove_prefix(dot + 1);
    }
}

bool is_ip_address(int family, std::string_view text) {
    std::array<unsigned char, 16> address{};
    return inet_pton(family, std::string(text).c_str(), address.data()) == 1;
}

struct host_and_port {
    std::string_view host;                ///< without brackets
    std::optional<std::string_view> port; ///< what follows the colon
};

/// Nothing when the text has no host that it could be.
std::optional<host_and_port> split_port(std::string_view text) {
    host_and_port parts;
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos || !is_ip_address(AF_INET6, text.substr(1, end - 1)))
            return std::nullopt;
        parts.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    } else {
        parts.host = text.substr(0, text.find(':'));
        if (!is_dns_name(parts.host))
            return std::nullopt;
        rest = text.substr(parts.host.size());
    }
    if (rest.empty())
        return parts;
    if (rest.front() != ':')
        return std::nullopt;
    parts.port = rest.substr(1);
    return parts;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return port;
}

boost::system::result<web_url, url_fault> parse_authority(std::string_view authority) {
    if (authority.find('@') != std::string_view::npos)
        return url_fault::has_user_info;
    const auto parts = split_port(authority);
    if (!parts)
        return url_fault::bad_host;
    web_url url;
    url.host = to_lower(parts->host);
    if (!parts->port)
        return url;
    url.port = parse_port(*parts->port);
    if (!url.port || *url.port == 0)
        return url_fault::bad_port;
    return url;
}

} // namespace

std::uint16_t web_url::effective_port() const {
    return port.value_or(https ? 443 : 80);
}

std::string_view to_string(url_fault fault) {
    switch (fault) {
    case url_fault::too_long:
        return "must be at most 2048 bytes long";
    case url_fault::forbidden_character:
        return "must be percent-encoded where it holds other characters than a URL may";
    case url_fault::not_http:
        return "must be an absolute http or https URL";
    case url_fault::has_user_info:
        return "must not hold a user name or password";
    case url_fault::bad_host:
        return "must have a host that is a DNS name or an IP address";
    case url_fault::bad_port:
        return "must have a port from 1 to 65535, or none";
    }
    return "must be a URL";
}

boost::system::result<web_url, url_fault> parse_web_url(std::string_view text) {
    if (text.size() > max_url_bytes)
        return url_fault::too_long;
    if (has_forbidden_character(text))
        return url_fault::forbidden_character;
    const auto scheme = split_scheme(text);
    if (!scheme)
        return url_fault::not_http;
    const auto [https, rest] = *scheme;
    const auto authority = rest.substr(0, rest.find_first_of("/?#"));
    auto url = parse_authority(authority);
    if (!url)
        return url;
    const auto target = rest.substr(authority.size());
    const auto before_fragment = target.substr(0, target.find('#'));
    url->https = https;
    url->path = before_fragment.substr(0, before_fragment.find('?'));
    url->has_query = url->path.size() < before_fragment.size();
    url->has_fragment = before_fragment.size() < target.size();
    return url;
}

bool is_loopback_host(std::string_view host) {
    return host == "localhost" || host == "::1" || (host.starts_with("127.") && is_ip_address(AF_INET, host));
}

std::optional<host_rule> parse_host_rule(std::string_view text) {
    const auto parts = split_port(text);
    if (!parts)
        return std::nullopt;
    host_rule rule{to_lower(parts->host), std::nullopt};
    if (!parts->port)
        return rule;
    rule.port = parse_port(*parts->port);
    return rule.port && *rule.port != 0 ? std::optional(rule) : std::nullopt;
}

bool matches_any(const web_url& url, std::span<const host_rule> rules) {
    return std::ranges::any_of(rules, [&](const host_rule& rule) {
        return rule.host == url.host && rule.port.value_or(url.effective_port()) == url.effective_port();
    });
}

bool is_listen_address(std::string_view text) {
    const auto parts = split_port(text);
    return parts && parts->port && parse_port(*parts->port);
}

} // namespace checkout
