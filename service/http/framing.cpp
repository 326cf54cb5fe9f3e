#include "http/framing.h"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <ctime>

namespace checkout {

namespace {

bool is_token_char(char c) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || others.find(c) != std::string_view::npos;
}

bool is_field_value_char(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Beast's iequals (Boost 1.81) reads a character past the end of texts that differ in case alone.
bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

bool is_target_char(char c) {
    return c > 0x20 && c < 0x7f && c != '#';
}

std::size_t count_headers(const http_request& request, std::string_view name) {
    return static_cast<std::size_t>(std::ranges::count_if(request.headers, [&](const http_header& header) {
        return equals_ignoring_case(header.first, name);
    }));
}

bool is_absolute_form(std::string_view target) {
    return equals_ignoring_case(target.substr(0, 7), "http://")
           || equals_ignoring_case(target.substr(0, 8), "https://");
}

bool has_valid_target(const http_request& request) {
    const bool known_form = request.target.starts_with('/') || is_absolute_form(request.target)
                            || (request.target == "*" && request.method == "OPTIONS");
    return known_form && std::ranges::all_of(request.target, is_target_char);
}

bool has_valid_host(const http_request& request, bool http_1_0) {
    const std::size_t hosts = count_headers(request, "Host");
    return hosts == 1 || (hosts == 0 && http_1_0);
}

bool has_valid_length(const http_request& request, bool http_1_0) {
    const auto length = request.header("Content-Length");
    const auto coding = request.header("Transfer-Encoding");
    if (coding)
        return !length && !http_1_0 && count_headers(request, "Transfer-Encoding") == 1
               && equals_ignoring_case(*coding, "chunked");
    return !length
           || (count_headers(request, "Content-Length") == 1 && !length->empty()
               && length->find_first_not_of("0123456789") == std::string_view::npos);
}

bool is_framing_header(std::string_view name) {
    constexpr std::array<std::string_view, 4> ours{"Content-Length", "Connection", "Date",
                                                   "Transfer-Encoding"};
    return std::ranges::any_of(ours, [&](std::string_view own) { return equals_ignoring_case(own, name); });
}

bool has_length(const http_response& response) {
    return response.status != 204 && response.status != 304;
}

void append_header(std::string& head, std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
}

} // namespace

void set_target(http_request& request, std::string_view target) {
    request.target = target;
    const bool absolute = is_absolute_form(target);
    if (absolute) {
        target.remove_prefix(target.find("//") + 2);
        target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    }
    const std::size_t question = target.find('?');
    const std::string_view path = target.substr(0, question);
    request.path = absolute && path.empty() ? "/" : path;
    request.query = question == std::string_view::npos ? std::string_view{} : target.substr(question + 1);
}

bool is_unambiguous(const http_request& request, bool http_1_0) {
    return has_valid_target(request) && has_valid_host(request, http_1_0)
           && has_valid_length(request, http_1_0);
}

bool expects_continue(const http_request& request) {
    const auto expect = request.header("Expect");
    return expect && equals_ignoring_case(*expect, "100-continue");
}

bool is_sendable(const http_response& response) {
    return response.status >= 200 && response.status <= 599
           && std::ranges::all_of(response.headers, [](const http_header& header) {
                  return !header.first.empty() && std::ranges::all_of(header.first, is_token_char)
                         && std::ranges::all_of(header.second, is_field_value_char);
              });
}

bool carries_body(const http_response& response, const response_framing& framing) {
    return has_length(response) && !framing.answers_head;
}

std::string response_head(const http_response& response, const response_framing& framing) {
    std::string head;
    head.reserve(512);
    head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
    head.append(boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(response.status)));
    head.append("\r\n");
    for (const auto& [name, value] : response.headers) {
        if (!is_framing_header(name) && !(framing.http_1_0 && equals_ignoring_case(name, "Trailer")))
            append_header(head, name, value);
    }
    append_header(head, "Date", framing.date);
    if (has_length(response) && response.source && !framing.http_1_0)
        append_header(head, "Transfer-Encoding", "chunked");
    else if (has_length(response) && !response.source)
        append_header(head, "Content-Length", std::to_string(response.body.size()));
    if (framing.close)
        append_header(head, "Connection", "close");
    else if (framing.http_1_0)
        append_header(head, "Connection", "keep-alive");
    return head.append("\r\n");
}

std::string chunk_head(std::size_t bytes) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bytes, 16).ptr;
    return std::string(digits.data(), end) + "\r\n";
}

std::string last_chunk(const std::vector<http_header>& trailers) {
    std::string text = "0\r\n";
    for (const auto& [name, value] : trailers)
        append_header(text, name, value);
    return text + "\r\n";
}

std::string_view date_header::at(std::chrono::system_clock::time_point now) {
    const std::time_t second = std::chrono::system_clock::to_time_t(now);
    if (second != second_) {
        std::tm utc{};
        gmtime_r(&second, &utc);
        std::array<char, 64> text;
        text_.assign(text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc));
        second_ = second;
    }
    return text_;
}

} // namespace checkout
