// The twin's own HTTP/1.1 listener: a plain Beast loop over TCP or TLS whose answers can be cut, held back,
// dribbled or reset. The service's server has no seam for that and should have none. One io_context, one
// thread; no limits beyond what keeps a test from hanging.
#pragma once

#include "http/message.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace clink_twin {

using checkout::http_request;
using checkout::http_response;

/// What happens on the wire instead of a well-behaved answer.
enum class wire_act {
    answer,            ///< as HTTP has it
    answer_then_close, ///< a keep-alive answer, and then the connection closed without a word
    close,             ///< not a byte, an orderly end of the connection
    reset,             ///< not a byte, a TCP reset
    stall,             ///< not a byte until `wait` is over or the client leaves, then closed
    truncate,          ///< the header and `bytes` of the body, then closed
    dribble,           ///< the whole answer, `bytes` at a time with `wait` between
};

struct wire_reply {
    http_response answer;
    wire_act act = wire_act::answer;
    std::size_t bytes = 0;
    std::chrono::milliseconds wait{0};
};

struct listener_options {
    std::string address;          ///< "host:port", IPv6 in brackets; port 0 takes a free one
    std::string certificate_file; ///< PEM; with key_file turns TLS on
    std::string key_file;
};

class listener {
public:
    /// Must not throw. The number names the connection, so that a test can see reuse.
    using handler = std::function<boost::asio::awaitable<wire_reply>(http_request, std::uint64_t connection)>;

    /// Binds and listens; throws std::runtime_error with a sentence when it cannot.
    listener(boost::asio::io_context& io, listener_options options, handler handle);
    ~listener();

    void start();
    /// "host:port" with the port bound.
    std::string address() const;
    bool tls() const;
    /// Closes every connection that waits between two requests: what a server does to idle keep-alive
    /// connections. Returns how many.
    std::size_t close_idle();
    std::size_t open_connections() const;
    std::uint64_t accepted_connections() const;

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

/// Splits "host:port" (IPv6 in brackets); throws std::runtime_error when it is neither.
std::pair<std::string, std::string> split_address(const std::string& address);

} // namespace clink_twin
