// One connection to Clink's host, plain or TLS, that carries one exchange at a time. Knows no deadline:
// whoever uses it calls abort() from a timer. Its source file is the only one in clink/ that includes Beast.
#pragma once

#include "clink/transport_result.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace checkout {

/// An HTTP/1.1 request. Every text is valid in its place: whoever fills it in has made sure.
struct transport_request {
    std::string method;                                       ///< "GET" or "POST"
    std::string target;                                       ///< origin form, percent-encoded
    std::vector<std::pair<std::string, std::string>> headers; ///< Content-Length is added
    std::string body;
};

/// Lives in a shared_ptr that outlasts every coroutine of it. One thread.
class clink_connection {
public:
    clink_connection() = default;
    clink_connection(const clink_connection&) = delete;
    clink_connection& operator=(const clink_connection&) = delete;
    virtual ~clink_connection() = default; ///< closes the socket

    /// TCP only. May be called again after a failure.
    virtual boost::asio::awaitable<boost::system::error_code>
    connect(boost::asio::ip::tcp::endpoint peer) = 0;
    /// TLS, with the certificate's chain and host name verified; nothing to do on a plain connection. The
    /// result holds error and peer_distrusted.
    virtual boost::asio::awaitable<transport_result> handshake() = 0;
    /// Sends the request and reads the answer. The result's phase is writing, reading or finished.
    virtual boost::asio::awaitable<transport_result> exchange(transport_request request) = 0;
    /// True while another exchange can be begun: open, kept alive by the peer's last answer, nothing left
    /// unread, and neither bytes nor the end of the stream waiting in the socket. Does not block.
    virtual bool is_usable() = 0;
    /// Closes the socket; whatever is under way fails at once.
    virtual void abort() = 0;
};

/// What every connection of one client has in common; outlives them.
struct connection_settings {
    boost::asio::ssl::context* tls = nullptr; ///< nullptr: plain
    std::string host;                         ///< for SNI and the certificate's check
    std::size_t answer_bytes = 0;             ///< limit of an answer's body
};

std::shared_ptr<clink_connection> make_connection(boost::asio::any_io_executor executor,
                                                  connection_settings settings);

} // namespace checkout
