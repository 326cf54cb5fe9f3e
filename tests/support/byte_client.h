// A client for what raw_client does not look at: answers whose end is not told by a Content-Length, byte for
// byte, and how their connection ends. Blocking; every wait ends after `patience` with an exception.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace checkout::test {

class byte_client {
public:
    static constexpr std::chrono::seconds patience{30};

    /// To 127.0.0.1; a small receive buffer makes the peer feel a slow reader.
    explicit byte_client(std::uint16_t port, int receive_buffer_bytes = 0);
    ~byte_client();
    byte_client(const byte_client&) = delete;
    byte_client& operator=(const byte_client&) = delete;

    void send(std::string_view bytes);
    /// The next bytes; throws when the peer ends the connection before that many.
    std::string read(std::size_t count);
    /// The bytes up to and including `end`; throws likewise.
    std::string read_until(std::string_view end);

    struct rest {
        std::string bytes;
        bool reset = false; ///< the peer cut the connection, else it closed it in order
    };
    rest read_to_end();

    void close();

private:
    /// False at the end.
    bool fill();
    std::string take(std::size_t count);

    int socket_ = -1;
    bool reset_ = false;
    std::string unread_;
};

} // namespace checkout::test
