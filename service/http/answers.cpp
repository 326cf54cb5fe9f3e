#include "http/answers.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace checkout {

namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const auto end = text.find(separator);
        parts.push_back(trim(text.substr(0, end)));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}

/// "q=0", "q=0.0" …: not acceptable.
bool is_refused(const std::vector<std::string_view>& parameters) {
    return std::ranges::any_of(parameters, [](std::string_view parameter) {
        return parameter.starts_with("q=0") && parameter.find_first_of("123456789") == std::string_view::npos;
    });
}

bool accepts(const http_request& request, std::string_view media_type) {
    const auto accept = lower(request.header("Accept").value_or(""));
    return std::ranges::any_of(split(accept, ','), [&](std::string_view range) {
        const auto parts = split(range, ';');
        return parts.front() == media_type && !is_refused(parts);
    });
}

constexpr std::string_view page_style = ":root{color-scheme:light dark}body{font:16px/1.5 "
                                        "system-ui,sans-serif;margin:0;min-height:100vh;display:grid;"
                                        "place-items:center;background:Canvas;color:CanvasText}main{max-"
                                        "width:28rem;padding:2rem;text-align:center}"
                                        "h1{font-size:1.4rem;margin:0 0 .5rem}p{margin:0;opacity:.8}";

void keep_private(http_response& response) {
    response.set("Cache-Control", "no-store");
    response.set("Referrer-Policy", "no-referrer");
    response.set("X-Content-Type-Options", "nosniff");
}

} // namespace

http_response json_answer(unsigned status, const json_value& body) {
    http_response response;
    response.status = status;
    response.set("Content-Type", "application/json");
    response.set("Cache-Control", "no-store");
    response.body = write_json(body);
    return response;
}

http_response redirect_answer(std::string location) {
    http_response response;
    response.status = 303;
    response.set("Location", location);
    keep_private(response);
    return response;
}

http_response page_answer(unsigned status, std::string_view title, std::string_view sentence) {
    http_response response;
    response.status = status;
    response.set("Content-Type", "text/html; charset=utf-8");
    response.set("Content-Security-Policy",
                 "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    keep_private(response);
    response.body = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
                    "content=\"width=device-width,initial-scale=1\"><title>"
                    + escape_html(title) + "</title><style>" + std::string(page_style)
                    + "</style></head><body><main><h1>" + escape_html(title) + "</h1><p>"
                    + escape_html(sentence) + "</p></main></body></html>\n";
    return response;
}

http_response problem_page(const problem& occurrence) {
    const auto& kind = kind_of(occurrence.code);
    auto page = page_answer(kind.status, kind.title, occurrence.detail);
    const auto retry_after = occurrence.retry_after.value_or(kind.retry_after);
    if (retry_after.count() > 0)
        page.set("Retry-After", std::to_string(retry_after.count()));
    return page;
}

std::string escape_html(std::string_view text) {
    std::string escaped;
    for (char c : text) {
        if (c == '&')
            escaped += "&amp;";
        else if (c == '<')
            escaped += "&lt;";
        else if (c == '>')
            escaped += "&gt;";
        else if (c == '"')
            escaped += "&quot;";
        else
            escaped += c;
    }
    return escaped;
}

bool wants_json(const http_request& request) {
    return accepts(request, "application/json") && !accepts(request, "text/html");
}

bool may_send_json(const http_request& request) {
    const auto accept = request.header("Accept");
    return !accept || trim(*accept).empty() || accepts(request, "application/json") || accepts(request, "*/*")
           || accepts(request, "application/*");
}

bool is_json_content(const http_request& request) {
    const auto type = lower(request.header("Content-Type").value_or(""));
    const auto parts = split(type, ';');
    return parts.front() == "application/json" && std::ranges::all_of(parts, [](std::string_view part) {
               return !part.starts_with("charset=") || part == "charset=utf-8" || part == "charset=\"utf-8\"";
           });
}

} // namespace checkout
