// Connection strings as libpq takes them (URI or keywords), completed with the limits that every connection
// has.
#pragma once

#include <chrono>
#include <string>

namespace checkout {

struct connection_limits {
    std::chrono::seconds connect{3}; ///< per host of the connection string
    std::chrono::milliseconds statement{5'000};
    std::chrono::milliseconds lock{2'000};
    std::chrono::milliseconds idle_in_transaction{5'000};
};

/// `url` as a keyword string with connect_timeout, TCP keepalives, tcp_user_timeout and application_name
/// added where it does not set them itself. Throws std::invalid_argument, without quoting `url`, when libpq
/// cannot read it.
std::string complete_conninfo(const std::string& url, const connection_limits& limits);

/// Whether libpq can read it, and as what was meant: a password with an unescaped character in a URI is read
/// as hosts, ports or a database's name, which libpq's errors quote.
bool is_conninfo(const std::string& url);

/// One statement that sets the time-outs of a session.
std::string limit_statement(const connection_limits& limits);

} // namespace checkout
