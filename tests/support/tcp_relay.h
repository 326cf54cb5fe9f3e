// A TCP relay between a client and a server on 127.0.0.1, whose connections a test can cut at a moment of its
// choosing: the server works on, the client never hears how it ended.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace checkout::test {

class tcp_relay {
public:
    explicit tcp_relay(std::uint16_t server_port);
    ~tcp_relay();
    tcp_relay(const tcp_relay&) = delete;
    tcp_relay& operator=(const tcp_relay&) = delete;

    std::uint16_t port() const { return port_; }
    /// Closes what is connected now; later connections are relayed again. Returns when it is done.
    void cut();

private:
    struct link;

    boost::asio::awaitable<void> accept();

    boost::asio::io_context io_{1};
    boost::asio::ip::tcp::acceptor acceptor_;
    boost::asio::ip::tcp::endpoint server_;
    std::vector<std::shared_ptr<link>> links_;
    std::uint16_t port_;
    std::thread thread_;
};

} // namespace checkout::test
