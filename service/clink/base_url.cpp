#include "clink/base_url.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <charconv>
#include <cstdint>
#include <stdexcept>

namespace checkout {
namespace {

void require(bool holds, const char* sentence) {
    if (!holds)
        throw std::runtime_error(sentence);
}

std::string to_string(boost::core::string_view text) {
    return {text.data(), text.size()};
}

// Boost.URL 1.81 takes any digits for a port and reads those that do not fit as another one.
bool is_port(std::string_view digits) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return error == std::errc{} && end == digits.data() + digits.size() && port != 0;
}

void check(const boost::urls::url_view& url) {
    require(url.scheme_id() == boost::urls::scheme::https || url.scheme_id() == boost::urls::scheme::http,
            "Clink's base URL must begin with https:// or http://");
    require(!url.encoded_host_address().empty(), "Clink's base URL names no host");
    require(!url.has_userinfo(), "Clink's base URL must hold no user name or password");
    require(!url.has_query() && !url.has_fragment(), "Clink's base URL must hold no query and no fragment");
    // Boost.URL 1.81 takes the address off "127.0.0.1.example" and leaves the rest to the path.
    const auto path = url.encoded_path();
    require(path.empty() || path.front() == '/', "Clink's base URL is not a URL");
    require(!url.has_port() || is_port(url.port()), "the port of Clink's base URL is not one of 1 to 65535");
}

} // namespace

clink_base parse_base_url(std::string_view text) {
    const auto parsed = boost::urls::parse_uri(text);
    require(parsed.has_value(), "Clink's base URL is not a URL");
    check(*parsed);

    clink_base base;
    base.tls = parsed->scheme_id() == boost::urls::scheme::https;
    base.host = parsed->host_address();
    const std::string scheme_port = base.tls ? "443" : "80";
    base.port = parsed->has_port() ? std::to_string(parsed->port_number()) : scheme_port;
    base.host_header = to_string(parsed->encoded_host());
    if (base.port != scheme_port)
        base.host_header += ":" + base.port;
    base.path = to_string(parsed->encoded_path());
    while (base.path.ends_with('/'))
        base.path.pop_back();
    return base;
}

} // namespace checkout
