#include "http/byte_stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <tuple>
#include <type_traits>
#include <utility>

namespace checkout {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

using tls_stream = asio::ssl::stream<tcp::socket>;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

template <class Stream>
class stream_of final : public byte_stream {
public:
    template <class... Arguments>
    explicit stream_of(Arguments&&... arguments) : stream_(std::forward<Arguments>(arguments)...) {}

    asio::awaitable<error_code> open() override {
        error_code ec;
        if constexpr (is_tls)
            std::tie(ec) = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_result);
        co_return ec;
    }

    asio::awaitable<read_result> read_some(asio::mutable_buffer into) override {
        const auto [ec, count] = co_await stream_.async_read_some(into, as_result);
        co_return read_result{ec, count};
    }

    asio::awaitable<error_code> write_all(std::array<asio::const_buffer, 2> pieces) override {
        const auto [ec, count] = co_await asio::async_write(stream_, pieces, as_result);
        co_return ec;
    }

    asio::awaitable<void> finish_writing() override {
        if constexpr (is_tls)
            co_await stream_.async_shutdown(as_result);
        error_code ignored;
        socket().shutdown(tcp::socket::shutdown_send, ignored);
    }

    bool has_client_certificate() override {
        if constexpr (is_tls) {
            SSL* const tls = stream_.native_handle();
            return SSL_get0_peer_certificate(tls) != nullptr && SSL_get_verify_result(tls) == X509_V_OK;
        }
        return false;
    }

    tcp::socket& socket() override {
        if constexpr (is_tls)
            return stream_.next_layer();
        else
            return stream_;
    }

private:
    static constexpr bool is_tls = std::is_same_v<Stream, tls_stream>;

    Stream stream_;
};

} // namespace

std::unique_ptr<byte_stream> make_byte_stream(tcp::socket socket, asio::ssl::context* tls) {
    if (tls != nullptr)
        return std::make_unique<stream_of<tls_stream>>(std::move(socket), *tls);
    return std::make_unique<stream_of<tcp::socket>>(std::move(socket));
}

} // namespace checkout
