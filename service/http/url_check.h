// Whether a text is an absolute http(s) URL that may be stored and handed to a browser or to Clink. Written
// by hand because Boost.URL refuses "{ELEMENTS_SESSION_ID}" and accepts an empty host. Looks at the text
// only: resolves and fetches nothing.
#pragma once

#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace checkout {

inline constexpr std::size_t max_url_bytes = 2048;

struct web_url {
    bool https = false;
    std::string host;                  ///< lower case; an IPv6 address without its brackets
    std::optional<std::uint16_t> port; ///< as written; nothing when the URL has none
    std::string path;                  ///< still percent-encoded; empty or begins with '/'
    bool has_query = false;
    bool has_fragment = false;

    /// The port written or the scheme's own: 443 or 80.
    std::uint16_t effective_port() const;
};

enum class url_fault {
    too_long = 1,        ///< over max_url_bytes
    forbidden_character, ///< white space, control, non-ASCII, backslash, one of "<>^`|, or a '%' without two
                         ///< hex digits
    not_http,            ///< relative, or of another scheme
    has_user_info,
    bad_host, ///< none, or neither a DNS name nor an IP address
    bad_port
};

/// One sentence part that fits after a field's name: "must be …".
std::string_view to_string(url_fault fault);

/// Braces are let through outside the host: placeholders are Clink's to fill.
boost::system::result<web_url, url_fault> parse_web_url(std::string_view text);

/// 127.0.0.0/8 in dotted form, ::1, or "localhost". Never asks a resolver.
bool is_loopback_host(std::string_view host);

/// "a.example" or "a.example:8443": a DNS name or IP address (IPv6 in brackets), and maybe a port from 1.
struct host_rule {
    std::string host;                  ///< as in web_url
    std::optional<std::uint16_t> port; ///< nothing: any port
    bool operator==(const host_rule&) const = default;
};
std::optional<host_rule> parse_host_rule(std::string_view text);

/// True when a rule names the URL's host exactly (no sub-domains) and its port, if it has one, is the URL's
/// effective port.
bool matches_any(const web_url& url, std::span<const host_rule> rules);

/// "host:port" to listen on: IPv6 in brackets, port 0 to 65535 (0: any free one).
bool is_listen_address(std::string_view text);

} // namespace checkout
