#include "html_text.h"

#include <algorithm>

namespace clink_twin {

std::string escape_html(std::string_view text) {
    std::string result;
    for (auto c : text) {
        switch (c) {
        case '&':
            result += "&amp;";
            break;
        case '<':
            result += "&lt;";
            break;
        case '>':
            result += "&gt;";
            break;
        case '"':
            result += "&quot;";
            break;
        case '\'':
            result += "&#39;";
            break;
        default:
            result += c;
        }
    }
    return result;
}

std::string fill(std::string_view text,
                 std::initializer_list<std::pair<std::string_view, std::string>> values) {
    std::string result;
    for (auto at = text.find('{'); at != std::string_view::npos; at = text.find('{')) {
        auto end = text.find('}', at);
        auto name = text.substr(at + 1, end - at - 1);
        result += text.substr(0, at);
        auto found = std::ranges::find(values, name, &std::pair<std::string_view, std::string>::first);
        if (found != values.end())
            result += name.starts_with('!') ? found->second : escape_html(found->second);
        text.remove_prefix(end + 1);
    }
    return result += text;
}

std::string html_document(const std::string& title, std::string_view style, const std::string& body) {
    return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
           "<meta name=\"robots\" content=\"noindex\">\n<link rel=\"icon\" href=\"data:,\">\n<title>"
           + escape_html(title) + "</title>\n<style>" + std::string(style) + "</style>\n</head>\n<body>\n"
           + body + "\n</body>\n</html>\n";
}

} // namespace clink_twin
