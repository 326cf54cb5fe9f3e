#include "app/setting_values.h"

#include "http/watched_file.h"
#include "storage/conninfo.h"

#include <boost/asio/ssl/context.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace checkout {

namespace {

constexpr std::size_t max_keys =
    2; ///< the one in use and, while keys are rotated, the one before or after it
constexpr std::size_t max_schedule_steps = 64;
constexpr int max_schedule_seconds = 30 * 24 * 3600;

std::vector<std::string_view> split_at_commas(std::string_view text) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto comma = text.find(',');
        parts.push_back(text.substr(0, comma));
        if (comma == std::string_view::npos)
            return parts;
        text.remove_prefix(comma + 1);
    }
}

std::string_view trim_spaces(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

bool is_control_byte(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
}

setting_fault read_bare_url(std::string_view text, web_url& out) {
    const auto url = parse_web_url(text);
    if (!url)
        return std::string(to_string(url.error()));
    if (url->has_query || url->has_fragment)
        return "must not have a query or fragment";
    out = *url;
    return std::nullopt;
}

std::string without_slashes_at_end(std::string_view text) {
    while (text.ends_with('/'))
        text.remove_suffix(1);
    return std::string(text);
}

} // namespace

setting_fault read_number(std::string_view text, int least, int most, int& out) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
        return "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    out = value;
    return std::nullopt;
}

setting_fault read_schedule(std::string_view text, std::vector<std::chrono::seconds>& out) {
    int last = 0;
    for (const auto part : split_at_commas(text)) {
        // Each must be more than the one before it.
        if (last == max_schedule_seconds || out.size() == max_schedule_steps
            || read_number(trim_spaces(part), last + 1, max_schedule_seconds, last))
            return "must be 1 to " + std::to_string(max_schedule_steps) + " whole numbers from 1 to "
                   + std::to_string(max_schedule_seconds) + " in ascending order, comma separated";
        out.emplace_back(last);
    }
    return std::nullopt;
}

setting_fault read_keys(std::string_view text, std::size_t least_bytes, std::vector<std::string>& out) {
    const auto parts = split_at_commas(text);
    if (parts.size() > max_keys)
        return "must hold one or two keys, comma separated";
    if (std::ranges::any_of(parts, [&](auto part) { return part.size() < least_bytes; }))
        return "must hold keys of at least " + std::to_string(least_bytes) + " bytes each";
    out.assign(parts.begin(), parts.end());
    return std::nullopt;
}

setting_fault read_header_secret(std::string_view text, std::string& out) {
    if (std::ranges::any_of(text, is_control_byte))
        return "must not hold line ends or other control characters";
    if (trim_spaces(text) != text)
        return "must not begin or end with a space";
    out = text;
    return std::nullopt;
}

setting_fault read_database_url(std::string_view text, std::string& out) {
    const bool is_uri = text.starts_with("postgresql://") || text.starts_with("postgres://");
    const bool is_keywords = text.find('=') != std::string_view::npos;
    if ((!is_uri && !is_keywords) || text.find('\0') != std::string_view::npos)
        return "must be a libpq URI (postgresql://...) or keyword string (host=...)";
    if (!is_conninfo(std::string(text)))
        return "cannot be read by libpq; look for a misspelt parameter or an unescaped character";
    out = text;
    return std::nullopt;
}

setting_fault read_website(std::string_view text, std::string& out) {
    const auto url = parse_web_url(text);
    if (!url)
        return std::string(to_string(url.error()));
    out = text;
    return std::nullopt;
}

setting_fault read_base_url(std::string_view text, std::string& out) {
    web_url url;
    if (auto fault = read_bare_url(text, url))
        return fault;
    out = without_slashes_at_end(text);
    return std::nullopt;
}

setting_fault read_private_base_url(std::string_view text, std::string& out) {
    web_url url;
    if (auto fault = read_bare_url(text, url))
        return fault;
    if (!url.https && !is_loopback_host(url.host))
        return "must be https unless its host is loopback";
    out = without_slashes_at_end(text);
    return std::nullopt;
}

setting_fault read_listen_address(std::string_view text, std::string& out) {
    if (!is_listen_address(text))
        return "must be host:port, an IPv6 address in brackets";
    out = text;
    return std::nullopt;
}

setting_fault read_host_rules(std::string_view text, std::vector<host_rule>& out) {
    for (const auto part : split_at_commas(text)) {
        const auto rule = parse_host_rule(trim_spaces(part));
        if (!rule)
            return "must be hosts, each maybe with :port, comma separated";
        out.push_back(*rule);
    }
    return std::nullopt;
}

setting_fault read_log_level(std::string_view text, log_level& out) {
    constexpr std::array levels{std::pair("debug", log_level::debug), std::pair("info", log_level::info),
                                std::pair("warning", log_level::warning),
                                std::pair("error", log_level::error)};
    const auto found =
        std::ranges::find(levels, text, [](const auto& level) { return std::string_view(level.first); });
    if (found == levels.end())
        return "must be debug, info, warning or error";
    out = found->second;
    return std::nullopt;
}

setting_fault read_file_name(std::string_view text, std::string& out) {
    std::string path(text);
    if (const auto bytes = read_small_file(path); !bytes)
        return "names a file that cannot be read: " + bytes.error().message();
    out = std::move(path);
    return std::nullopt;
}

setting_fault read_authorities_name(std::string_view text, std::string& out) {
    std::string path;
    if (auto fault = read_file_name(text, path))
        return fault;
    boost::system::error_code error;
    boost::asio::ssl::context(boost::asio::ssl::context::tls_client).load_verify_file(path, error);
    if (error)
        return "names a file whose certificates cannot be used: " + error.message();
    out = std::move(path);
    return std::nullopt;
}

} // namespace checkout
