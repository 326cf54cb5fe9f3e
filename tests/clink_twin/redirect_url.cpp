#include "redirect_url.h"

namespace clink_twin {

namespace {

constexpr std::string_view placeholder = "{ELEMENTS_SESSION_ID}";

std::optional<std::string> usable(const std::optional<std::string>& url) {
    return url && (url->starts_with("https://") || url->starts_with("http://")) ? url : std::nullopt;
}

std::string fill_placeholder(std::string url, const std::string& session_id) {
    for (auto at = url.find(placeholder); at != std::string::npos; at = url.find(placeholder, at))
        url.replace(at, placeholder.size(), session_id);
    return url;
}

} // namespace

std::string append_session_id(std::string_view url, std::string_view session_id) {
    auto fragment_at = std::min(url.find('#'), url.size());
    std::string result(url.substr(0, fragment_at));
    auto has_query = result.find('?') != std::string::npos;
    if (!has_query)
        result += '?';
    else if (result.back() != '?' && result.back() != '&')
        result += '&';
    result += "sessionId=";
    result += session_id;
    result += url.substr(fragment_at);
    return result;
}

std::optional<std::string> url_after_success(const session& of) {
    if (of.terms.mode == ui_mode::elements) {
        auto url = usable(of.terms.return_url);
        return url ? std::optional(fill_placeholder(*url, of.id)) : std::nullopt;
    }
    auto url = usable(of.terms.success_url);
    return url ? std::optional(append_session_id(*url, of.id)) : std::nullopt;
}

std::optional<std::string> url_after_leaving(const session& of) {
    return usable(of.terms.cancel_url);
}

} // namespace clink_twin
