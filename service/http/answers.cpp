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

/// Of all Accept headers, which are one list.
std::string accept_of(const http_request& request) {
    std::string list;
    for (const auto& [name, value] : request.headers)
        if (lower(name) == "accept")
            list += (list.empty() ? "" : ",") + lower(value);
    return list;
}

/// "q=0", "q=0.0" …: not acceptable.
bool is_refused(const std::vector<std::string_view>& parameters) {
    return std::ranges::any_of(parameters, [](std::string_view parameter) {
        return parameter.starts_with("q=0") && parameter.find_first_of("123456789") == std::string_view::npos;
    });
}

bool accepts(const http_request& request, std::string_view media_type) {
    const auto accept = accept_of(request);
    return std::ranges::any_of(split(accept, ','), [&](std::string_view range) {
        const auto parts = split(range, ';');
        return parts.front() == media_type && !is_refused(parts);
    });
}

/// "q=0.25" as 250, 1000 without one.
int read_weight(const std::vector<std::string_view>& parameters) {
    for (const auto parameter : parameters) {
        if (!parameter.starts_with("q="))
            continue;
        std::string digits(parameter.substr(2));
        std::erase(digits, '.');
        digits.resize(4, '0');
        int weight = 0;
        for (const char c : digits)
            weight = weight * 10 + (c >= '0' && c <= '9' ? c - '0' : 0);
        return std::min(weight, 1000);
    }
    return 1000;
}

/// What Accept's most specific range gives the media type; 0: it is not taken.
int weigh(const std::vector<std::string_view>& ranges, std::string_view media_type) {
    const std::string any_subtype = std::string(media_type.substr(0, media_type.find('/'))) + "/*";
    int weight = 0;
    int specificity = 0;
    for (const auto range : ranges) {
        const auto parts = split(range, ';');
        const int matches = parts.front() == media_type    ? 3
                            : parts.front() == any_subtype ? 2
                            : parts.front() == "*/*"       ? 1
                                                           : 0;
        if (matches > specificity) {
            specificity = matches;
            weight = read_weight(parts);
        }
    }
    return weight;
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
    return json_text_answer(status, write_json(body));
}

http_response json_text_answer(unsigned status, std::string body) {
    http_response response;
    response.status = status;
    response.set("Content-Type", "application/json");
    response.set("Cache-Control", "no-store");
    response.body = std::move(body);
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

std::optional<std::size_t> choose_media_type(const http_request& request,
                                             std::span<const std::string_view> offered) {
    const auto accept = accept_of(request);
    if (trim(accept).empty())
        return 0;
    std::optional<std::size_t> best;
    int best_weight = 0;
    for (std::size_t i = 0; i < offered.size(); ++i) {
        const int weight = weigh(split(accept, ','), offered[i]);
        if (weight > best_weight) {
            best = i;
            best_weight = weight;
        }
    }
    return best;
}

std::optional<problem> refuse_other_types(const http_request& request) {
    constexpr std::string_view json[] = {"application/json"};
    if (choose_media_type(request, json))
        return std::nullopt;
    return problem{.code = problem_code::not_acceptable,
                   .detail = "The answer is given as application/json."};
}

bool is_json_content(const http_request& request) {
    const auto type = lower(request.header("Content-Type").value_or(""));
    const auto parts = split(type, ';');
    return parts.front() == "application/json" && std::ranges::all_of(parts, [](std::string_view part) {
               return !part.starts_with("charset=") || part == "charset=utf-8" || part == "charset=\"utf-8\"";
           });
}

} // namespace checkout
