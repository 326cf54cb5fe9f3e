#include "support/tcp_relay.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace checkout::test {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

} // namespace

struct tcp_relay::link {
    tcp::socket client;
    tcp::socket server;

    void close() {
        boost::system::error_code ignored;
        client.close(ignored);
        server.close(ignored);
    }

    static asio::awaitable<void> copy(std::shared_ptr<link> self, bool from_client) {
        auto& from = from_client ? self->client : self->server;
        auto& to = from_client ? self->server : self->client;
        std::array<char, 16 * 1024> buffer;
        for (;;) {
            const auto [error, count] = co_await from.async_read_some(asio::buffer(buffer), no_throw);
            if (error)
                break;
            const auto [write_error, written] =
                co_await asio::async_write(to, asio::buffer(buffer.data(), count), no_throw);
            if (write_error)
                break;
        }
        self->close();
    }
};

tcp_relay::tcp_relay(std::uint16_t server_port)
    : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}),
      server_(asio::ip::address_v4::loopback(), server_port),
      port_(acceptor_.local_endpoint().port()) {
    asio::co_spawn(io_, accept(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
}

tcp_relay::~tcp_relay() {
    io_.stop();
    thread_.join();
}

void tcp_relay::cut() {
    asio::post(io_, asio::use_future([this] {
                   for (const auto& each : links_)
                       each->close();
                   links_.clear();
               }))
        .get();
}

asio::awaitable<void> tcp_relay::accept() {
    for (;;) {
        auto client = co_await acceptor_.async_accept(asio::use_awaitable);
        tcp::socket server(io_);
        const auto [error] = co_await server.async_connect(server_, no_throw);
        if (error)
            continue;
        auto joined = std::make_shared<link>(link{std::move(client), std::move(server)});
        links_.push_back(joined);
        asio::co_spawn(io_, link::copy(joined, true), asio::detached);
        asio::co_spawn(io_, link::copy(joined, false), asio::detached);
    }
}

} // namespace checkout::test
