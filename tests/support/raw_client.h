// A client that sends exactly the bytes it is told to and sees exactly what comes back, over TCP or TLS; for
// tests of how a server treats good, odd and hostile peers. Blocking; every wait ends after `patience` with
// an exception.
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace checkout::test {

struct raw_response {
    unsigned status = 0;
    std::string head; ///< status line and headers, up to and including the empty line
    std::string body;

    /// The value of a header, empty when absent.
    std::string header(std::string_view name) const;
};

class raw_client {
public:
    static constexpr std::chrono::seconds patience{10};

    explicit raw_client(std::uint16_t port, int receive_buffer_bytes = 0);
    ~raw_client();
    raw_client(raw_client&& other) noexcept;
    raw_client& operator=(raw_client&& other) noexcept;

    /// Continues in TLS, without verifying the server. False when the handshake fails.
    bool start_tls(SSL_CTX* context, SSL_SESSION* resumed = nullptr);
    SSL* tls() const { return tls_.get(); }

    void send(std::string_view bytes);
    /// Like send, but says if the peer had closed instead of throwing.
    bool try_send(std::string_view bytes);
    void finish_sending(); ///< half-closes TCP
    void close();

    /// Reads one response by its Content-Length; of an answer to HEAD pass `has_body` false.
    raw_response read_response(bool has_body = true);
    /// True when the peer closed, in order or by a reset, and had sent nothing more.
    bool is_closed_by_peer();
    /// Waits for a reset without reading anything.
    void await_reset();

private:
    std::size_t receive(char* into, std::size_t size);
    bool fill();

    struct free_tls {
        void operator()(SSL* tls) const { SSL_free(tls); }
    };

    int socket_ = -1;
    std::unique_ptr<SSL, free_tls> tls_;
    std::string unread_;
};

} // namespace checkout::test
