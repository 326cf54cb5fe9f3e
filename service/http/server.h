// An HTTP/1.1 server on one io_context: accepts, enforces limits and time-outs, parses, calls one handler,
// answers, keeps the connection or closes it. Knows no route and no product. Everything runs on the
// io_context's single thread; of http/, only request_reader and framing see Beast.
#pragma once

#include "http/message.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace checkout {

/// TLS 1.2 or newer. The files are reread for new connections when they change; what cannot be used then is
/// logged (`tls_files_rejected`) and the former stay in use.
struct server_tls {
    std::string certificate_file; ///< PEM chain
    std::string key_file;         ///< PEM
    /// PEM; empty: no client certificates are asked for. Given: they are asked for, a connection without one
    /// is accepted (has_client_certificate is false), one with a certificate of another CA is not.
    std::string client_ca_file;
};

struct server_limits {
    std::size_t header_bytes = 16 * 1024; ///< past it 431
    /// Past it a new connection takes the place of the one that has been idle for longest; where none is, it
    /// is closed at once.
    std::size_t connections = 16 * 1024;
    std::size_t small_body_bytes = 16 * 1024; ///< a longer body, or one of unknown length, is a large one
    std::size_t large_bodies = 256;           ///< in memory at once; past it 503
    /// From a request's first byte to its header's end; then 408. Also for a TLS handshake; then closed.
    std::chrono::milliseconds header_timeout{10'000};
    std::chrono::milliseconds body_timeout{20'000};      ///< for the whole body; then 408
    std::chrono::milliseconds idle_timeout{75'000};      ///< between requests; then closed
    std::chrono::milliseconds write_timeout{30'000};     ///< for one answer; then the connection is cut
    std::chrono::milliseconds last_request_timeout{250}; ///< for one that is on its way when a drain begins
};

struct server_options {
    std::string name = "main"; ///< of the listener in the metrics
    std::string address;       ///< "host:port", IPv6 in brackets; port 0 takes a free one
    std::optional<server_tls> tls;
    server_limits limits;
};

/// What the server does with a request once its header is there and before its body is read.
struct request_admission {
    std::size_t body_limit_bytes = 0;       ///< a longer body is 413 (Content-Length or what arrives)
    std::optional<http_response> rejection; ///< answered at once; the body is not given to the handler
};

/// Faults found by the server itself, for which `on_fault` makes the answer.
enum class server_fault { malformed_request, header_too_large, body_too_large, request_timeout, overloaded };

/// A callback that throws nevertheless, or gives an answer that cannot be sent, is logged
/// (`http_callback_failed`) and answered with an empty 500. HEAD is answered like GET: the body is announced
/// and not sent.
struct server_callbacks {
    /// Called with method, path, query and headers, `body` still empty. Must not throw.
    std::function<request_admission(const http_request&)> admit;
    /// Must not throw; everything that can go wrong is its answer. Takes the request by value.
    std::function<boost::asio::awaitable<http_response>(http_request)> handle;
    /// The answer to a request that never reached `handle`; the connection is closed after it. Of a malformed
    /// request the method, path and headers may be empty.
    std::function<http_response(const http_request&, server_fault)> on_fault;
};

class http_server {
public:
    /// Binds and listens; `io` must outlive the server. Throws std::runtime_error with a sentence when the
    /// address is taken or a TLS file is bad.
    http_server(boost::asio::io_context& io, server_options options, server_callbacks callbacks);
    /// Stops accepting and cuts all connections. Handlers that run keep the callbacks alive and end in their
    /// own time.
    ~http_server();

    /// The port bound, for port 0.
    std::uint16_t port() const;
    /// Begins to accept. Call once.
    void start();
    /// From now on every answer carries `Connection: close`; still accepts.
    void announce_close();
    /// Stops accepting (who was connected by then is served), gives idle connections a quarter of a second
    /// for a request that is on its way, lets exchanges in progress finish (their connections close after),
    /// and completes when none is left or at `deadline`, when what is left is cut.
    boost::asio::awaitable<void> drain(std::chrono::steady_clock::time_point deadline);

    /// Cuts every connection; ends drain().
    void cut();

    std::size_t open_connections() const;

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace checkout
