#include "http/docs_page.h"

#include "http/answers.h"

#include <algorithm>
#include <array>
#include <string>

namespace checkout {

namespace {

constexpr std::string_view docs_style =
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0 "
    "auto;max-width:72rem;padding:2rem 1rem}"
    "h1{font-size:1.6rem;margin:0}table{border-collapse:collapse;width:100%;margin:1.5rem 0}"
    "td{padding:.35rem .75rem .35rem 0;border-top:1px solid color-mix(in srgb,CanvasText "
    "15%,Canvas);vertical-align:top}"
    "a{color:LinkText}code,pre{font:13px/1.5 "
    "ui-monospace,monospace}pre{overflow-x:auto;padding:1rem;border-radius:.5rem;"
    "background:color-mix(in srgb,CanvasText 6%,Canvas)}b{font-weight:600}";

constexpr std::array<std::string_view, 5> methods{"get", "post", "put", "patch", "delete"};

/// A line's indentation and the rest of it.
struct yaml_line {
    std::size_t indent = 0;
    std::string_view text;
};

yaml_line take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const auto indent = std::min(line.find_first_not_of(' '), line.size());
    return {indent, line.substr(indent)};
}

std::string upper(std::string_view text) {
    std::string result(text);
    for (auto& c : result)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return result;
}

/// The description's own layout is what is relied on: paths indented by two, methods by four, summaries by
/// six.
class docs_writer {
public:
    void add(const yaml_line& line) {
        if (line.indent == 0)
            in_paths_ = line.text == "paths:" || (in_paths_ && line.text.empty());
        if (in_paths_ && line.indent == 2 && line.text.starts_with('/'))
            path_ = line.text.substr(0, line.text.size() - 1);
        const auto name = line.text.substr(0, line.text.find(':'));
        if (in_paths_ && line.indent == 4 && std::ranges::find(methods, name) != methods.end())
            method_ = name;
        if (in_paths_ && line.indent == 6 && line.text.starts_with("summary: "))
            add_operation(line.text.substr(9));
        add_text(line);
    }

    std::string page() const {
        return "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
               "content=\"width=device-width,initial-scale=1\"><title>clink-checkout API</title><style>"
               + std::string(docs_style)
               + "</style></head><body><h1>clink-checkout API</h1><p>The description for "
                 "programs is <a href=\"/openapi.yaml\">/openapi.yaml</a>; it is shown whole "
                 "below.</p><table>"
               + operations_ + "</table><pre>" + text_ + "</pre></body></html>\n";
    }

private:
    void add_operation(std::string_view summary) {
        operations_ += "<tr><td><b>" + upper(method_) + "</b></td><td><a href=\"#" + escape_html(path_)
                       + "\"><code>" + escape_html(path_) + "</code></a></td><td>" + escape_html(summary)
                       + "</td></tr>";
    }

    void add_text(const yaml_line& line) {
        const bool starts_path = in_paths_ && line.indent == 2 && line.text.starts_with('/');
        const auto text = std::string(line.indent, ' ') + escape_html(line.text);
        text_ += starts_path ? "<b id=\"" + escape_html(path_) + "\">" + text + "</b>\n" : text + "\n";
    }

    bool in_paths_ = false;
    std::string_view path_;
    std::string_view method_;
    std::string operations_;
    std::string text_;
};

} // namespace

http_response make_docs_page(std::string_view openapi) {
    docs_writer writer;
    while (!openapi.empty())
        writer.add(take_line(openapi));
    http_response response;
    response.set("Content-Type", "text/html; charset=utf-8");
    response.set("Content-Security-Policy",
                 "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    response.set("X-Content-Type-Options", "nosniff");
    response.body = writer.page();
    return response;
}

} // namespace checkout
