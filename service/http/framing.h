// What HTTP/1.1 asks of a message beyond its grammar, as pure functions: which requests are too ambiguous to
// serve (RFC 9112 sections 3.2, 6.1 and 6.3), and the bytes that precede a response's body. No I/O.
#pragma once

#include "http/message.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

/// Stores the target and derives path and query from it. Of the absolute form ("http://host/path") path is
/// what follows the authority, "/" when nothing does.
void set_target(http_request& request, std::string_view target);

/// False for a request that two readers could understand differently, or that has no valid target: control or
/// non-ASCII characters or a fragment in the target, no or several Host, several or non-numeric
/// Content-Length, any Transfer-Encoding but one "chunked", that together with Content-Length or in HTTP/1.0.
/// Needs method, target and headers.
bool is_unambiguous(const http_request& request, bool http_1_0);

/// The client waits for "100 Continue" before it sends the body.
bool expects_continue(const http_request& request);

/// False if sending it would corrupt the stream: a status outside 200 to 599, a header name that is no token,
/// a value with a control character.
bool is_sendable(const http_response& response);

struct response_framing {
    bool answers_head = false; ///< the body is announced but not sent
    bool http_1_0 = false;     ///< keep-alive must be said, closing goes without saying
    bool close = false;
    std::string_view date = {}; ///< IMF-fixdate
};

bool carries_body(const http_response& response, const response_framing& framing);

/// Status line and headers up to and including the empty line. Content-Length, Connection, Date and
/// Transfer-Encoding among the response's own headers are left out: `framing` decides those. A body from a
/// source is chunked, and for HTTP/1.0 ends with the connection.
std::string response_head(const http_response& response, const response_framing& framing);

/// What precedes a chunk of that many bytes; CR LF follows it.
std::string chunk_head(std::size_t bytes);
/// The end of a chunked body. The trailers are sendable as headers are.
std::string last_chunk(const std::vector<http_header>& trailers);

/// The Date header's value, formatted once a second.
class date_header {
public:
    std::string_view at(std::chrono::system_clock::time_point now);

private:
    std::int64_t second_ = -1;
    std::string text_;
};

} // namespace checkout
