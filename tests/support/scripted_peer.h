// A server that does to each connection exactly what a test's script says, over TCP or TLS; for tests of how
// a client treats good, odd and hostile peers. Every script runs on a thread of its own; doctest's assertions
// stay outside.
#pragma once

#include "support/certificates.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace checkout::test {

struct seen_request {
    std::size_t connection = 0; ///< in order of acceptance, from 0
    std::string head;           ///< request line and headers, up to and including the empty line
    std::string body;           ///< as long as Content-Length says

    std::string line() const; ///< the first one, e.g. "GET /api/order/1 HTTP/1.1"
    /// The value of a header, nothing when absent.
    std::optional<std::string> header(std::string_view name) const;
};

/// The client closed or reset the connection. A script that lets it out simply ends.
class peer_gone : public std::runtime_error {
    using runtime_error::runtime_error;
};

/// The peer's end of one connection. Waits end after ten seconds with std::runtime_error, which ends the test
/// program.
class peer_connection {
public:
    virtual ~peer_connection() = default;

    virtual seen_request read_request() = 0;
    virtual void send(std::string_view bytes) = 0;
    virtual void close() = 0;       ///< in order, telling nothing of what was not sent
    virtual void reset() = 0;       ///< so that the client sees ECONNRESET
    virtual void await_close() = 0; ///< returns when the client has closed its end

    /// A whole answer with Content-Length; `headers` are full lines, each ended by CR LF.
    void answer(int status, std::string_view body, std::string_view headers = {});
};

struct peer_options {
    std::string address = "127.0.0.1";
    const identity* shown = nullptr; ///< given: TLS
    int greatest_tls_version = TLS1_3_VERSION;
};

class scripted_peer {
public:
    using script = std::function<void(peer_connection&)>;

    /// Listens on a free port. The n-th connection accepted runs the n-th script and is closed after it;
    /// connections past the last script are closed at once.
    explicit scripted_peer(std::vector<script> scripts, peer_options options = {});
    ~scripted_peer();
    scripted_peer(const scripted_peer&) = delete;
    scripted_peer& operator=(const scripted_peer&) = delete;

    std::uint16_t port() const { return port_; }
    /// "http(s)://host:port/api"
    std::string base_url(const std::string& host = "127.0.0.1") const;

    int accepted() const { return accepted_; }
    std::vector<seen_request> requests() const; ///< of all connections, in order of arrival
    void await_requests(std::size_t count) const;
    void await_finished(std::size_t number) const; ///< the script of that number is over

private:
    class socket_connection;

    void accept_all();
    void serve(int socket, std::size_t number);
    void run_script(int socket, std::size_t number);
    void record(seen_request request);

    const std::vector<script> scripts_;
    const tls_context_ptr tls_; ///< null: plain TCP
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<int> accepted_ = 0;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::vector<seen_request> requests_;
    std::vector<bool> finished_;
    std::vector<int> sockets_; ///< open ones

    std::vector<std::thread> servers_; ///< only the acceptor's thread adds to it
    std::thread acceptor_;
};

/// Several scripts, one after the other on one connection.
scripted_peer::script in_turn(std::vector<scripted_peer::script> steps);
/// Reads a request and answers it.
scripted_peer::script answering(int status, std::string body, std::string headers = {});

} // namespace checkout::test
