// Where Clink's API is: the base URL taken apart.
#pragma once

#include <string>
#include <string_view>

namespace checkout {

struct clink_base {
    bool tls = true;
    std::string host;        ///< name or address, IPv6 without brackets
    std::string port;        ///< decimal
    std::string host_header; ///< as a Host header has it: the port only when it is not the scheme's own
    std::string path;        ///< without a slash at its end; may be empty
};

/// Takes "http(s)://host[:port][/path]". Throws std::runtime_error with a sentence that does not quote the
/// URL when it is anything else (userinfo, query and fragment included).
clink_base parse_base_url(std::string_view url);

} // namespace checkout
