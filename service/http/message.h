// One HTTP exchange as plain values, so that handlers never see Beast. Shared by the service and by test
// peers.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

using http_header = std::pair<std::string, std::string>;

struct http_request {
    std::string method;                                ///< upper case as received
    std::string target;                                ///< raw request target
    std::string path;                                  ///< target before '?', still percent-encoded
    std::string query;                                 ///< after the first '?', raw, empty when none
    std::vector<http_header> headers;                  ///< in order, names as received
    std::string body;                                  ///< after transfer decoding
    std::string peer;                                  ///< remote address, without port
    bool has_client_certificate = false;               ///< verified against the configured CA
    std::chrono::steady_clock::time_point received_at; ///< when the header was complete

    /// The first header of that name, case-insensitive; nothing when absent.
    std::optional<std::string_view> header(std::string_view name) const;
};

/// A body that is made while it is sent, as fast as its reader takes it.
class body_source {
public:
    virtual ~body_source() = default;
    /// The next piece, which is not empty; nothing at the end. What it throws cuts the connection, so that
    /// the reader sees that the body is not whole.
    virtual boost::asio::awaitable<std::optional<std::string>> next() = 0;
    /// Sent after the end, to HTTP/1.1. The answer's Trailer header names them.
    virtual std::vector<http_header> trailers() = 0;
};

struct http_response {
    unsigned status = 200;
    /// Content-Length, Connection, Date and Transfer-Encoding are the server's own and dropped from here.
    std::vector<http_header> headers;
    std::string body;
    std::shared_ptr<body_source> source; ///< instead of `body`
    bool close = false;                  ///< close the connection after this answer

    void set(std::string_view name, std::string_view value); ///< replaces a header of that name
    std::optional<std::string_view> header(std::string_view name) const;
};

/// The path's segments, split before decoding, each percent-decoded; nothing when an escape is malformed.
/// "/v1/orders/a%2Fb" is {"v1","orders","a/b"}, "/" has none. Segments may be empty ("/a//b/" is
/// {"a","","b",""}) and hold any byte, NUL and invalid UTF-8 included.
std::optional<std::vector<std::string>> split_path(std::string_view path);

/// The query's parameters in order, percent-decoded ('+' is a space); nothing when an escape is malformed.
/// Without '=' the value is empty; "&&" has no parameter between.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

} // namespace checkout
