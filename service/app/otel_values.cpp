#include "app/otel_values.h"

#include "json/json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace checkout {

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view traces_path = "/v1/traces";

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    return first == std::string_view::npos ? ""
                                           : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const auto digits = text.substr(i + 1, 2);
        unsigned byte = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
        if (digits.size() != 2 || error != std::errc() || end != digits.data() + digits.size())
            return std::nullopt;
        decoded += static_cast<char>(byte);
        i += 2;
    }
    return decoded;
}

bool is_token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
               || others.find(c) != std::string_view::npos;
    });
}

bool is_utf8(std::string_view text) {
    return parse_json(write_json_string(text)).has_value();
}

bool fits_header(std::string_view text) {
    return std::ranges::none_of(text,
                                [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

/// Nothing when a member has no key, no '=' or a malformed escape. Empty members are passed over.
std::optional<pairs> read_pairs(std::string_view text) {
    pairs found;
    while (!text.empty()) {
        const auto comma = text.find(',');
        const auto member = trim(text.substr(0, comma));
        text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
        if (member.empty())
            continue;
        const auto equals = member.find('=');
        if (equals == std::string_view::npos)
            return std::nullopt;
        auto key = percent_decode(trim(member.substr(0, equals)));
        auto value = percent_decode(trim(member.substr(equals + 1)));
        if (!key || key->empty() || !value)
            return std::nullopt;
        found.emplace_back(std::move(*key), std::move(*value));
    }
    return found;
}

} // namespace

setting_fault read_resource_attributes(std::string_view text, pairs& out) {
    auto found = read_pairs(text);
    if (!found || !std::ranges::all_of(*found, [](const auto& each) {
            return is_utf8(each.first) && is_utf8(each.second);
        }))
        return "must be key=value pairs, comma separated and percent-encoded";
    out = std::move(*found);
    return std::nullopt;
}

setting_fault read_otlp_headers(std::string_view text, pairs& out) {
    auto found = read_pairs(text);
    if (!found || !std::ranges::all_of(*found, [](const auto& each) {
            return is_token(each.first) && fits_header(each.second);
        }))
        return "must be header=value pairs, comma separated and percent-encoded";
    out = std::move(*found);
    return std::nullopt;
}

setting_fault read_otlp_endpoint(std::string_view text, web_url& out) {
    const auto url = parse_web_url(text);
    if (!url)
        return std::string(to_string(url.error()));
    if (url->has_query || url->has_fragment)
        return "must not have a query or fragment";
    out = *url;
    if (out.path.empty())
        out.path = "/";
    return std::nullopt;
}

setting_fault read_otlp_base(std::string_view text, web_url& out) {
    if (auto fault = read_otlp_endpoint(text, out))
        return fault;
    while (out.path.ends_with('/'))
        out.path.pop_back();
    out.path += traces_path;
    return std::nullopt;
}

setting_fault read_sampler(std::string_view text, trace_sampler& out) {
    constexpr std::string_view of_parent = "parentbased_";
    constexpr std::array kinds{std::pair(std::string_view("always_on"), std::optional(1.0)),
                               std::pair(std::string_view("always_off"), std::optional(0.0)),
                               std::pair(std::string_view("traceidratio"), std::optional<double>())};
    out.follows_parent = text.starts_with(of_parent);
    const auto kind = out.follows_parent ? text.substr(of_parent.size()) : text;
    const auto found = std::ranges::find(kinds, kind, [](const auto& each) { return each.first; });
    if (found == kinds.end())
        return "must be always_on, always_off or traceidratio, or one of them after parentbased_";
    out.fixed_ratio = found->second;
    return std::nullopt;
}

setting_fault read_ratio(std::string_view text, double& out) {
    double value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(value >= 0 && value <= 1))
        return "must be a number from 0 to 1";
    out = value;
    return std::nullopt;
}

setting_fault read_switch(std::string_view text, bool& out) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (lower != "true" && lower != "false")
        return "must be true or false";
    out = lower == "true";
    return std::nullopt;
}

setting_fault read_utf8(std::string_view text, std::string& out) {
    if (!is_utf8(text))
        return "must be UTF-8";
    out = text;
    return std::nullopt;
}

} // namespace checkout
