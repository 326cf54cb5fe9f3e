#include "http/byte_stream.h"

#include "http/tls_stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace checkout {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

class plain_stream final : public byte_stream {
public:
    explicit plain_stream(tcp::socket socket) : socket_(std::move(socket)) {}

    asio::awaitable<error_code> open() override { co_return error_code(); }

    asio::awaitable<read_result> read_some(asio::mutable_buffer into) override {
        const auto [ec, count] = co_await socket_.async_read_some(into, as_result);
        co_return read_result{ec, count};
    }

    asio::awaitable<error_code> write_all(std::array<asio::const_buffer, 2> pieces) override {
        const auto [ec, count] = co_await asio::async_write(socket_, pieces, as_result);
        co_return ec;
    }

    asio::awaitable<void> finish_writing() override {
        error_code ignored;
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
        co_return;
    }

    bool has_client_certificate() override { return false; }
    tcp::socket& socket() override { return socket_; }

private:
    tcp::socket socket_;
};

} // namespace

std::unique_ptr<byte_stream> make_byte_stream(tcp::socket socket, asio::ssl::context* tls) {
    if (tls != nullptr)
        return make_tls_stream(std::move(socket), *tls);
    return std::make_unique<plain_stream>(std::move(socket));
}

} // namespace checkout
