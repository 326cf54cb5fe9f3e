// The bytes of one accepted TCP connection, in the clear or in TLS, so that the rest of the server is written
// and compiled once. One read or write at a time, on the socket's executor; ended early by cancelling or
// closing socket().
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <array>
#include <cstddef>
#include <memory>

namespace checkout {

class byte_stream {
public:
    struct read_result {
        boost::system::error_code error;
        std::size_t count = 0;
    };

    virtual ~byte_stream() = default;

    /// TLS: shakes hands. In the clear: nothing. Before anything else; after an error the stream is of no
    /// use.
    virtual boost::asio::awaitable<boost::system::error_code> open() = 0;
    /// Waits for at least one byte.
    virtual boost::asio::awaitable<read_result> read_some(boost::asio::mutable_buffer into) = 0;
    virtual boost::asio::awaitable<boost::system::error_code>
    write_all(std::array<boost::asio::const_buffer, 2> pieces) = 0;
    /// Tells the peer that nothing more will come.
    virtual boost::asio::awaitable<void> finish_writing() = 0;

    /// After open(): the peer showed a certificate and it was verified.
    virtual bool has_client_certificate() = 0;
    virtual boost::asio::ip::tcp::socket& socket() = 0;
};

/// In TLS if a context is given; it may go before the stream does.
std::unique_ptr<byte_stream> make_byte_stream(boost::asio::ip::tcp::socket socket,
                                              boost::asio::ssl::context* tls);

} // namespace checkout
