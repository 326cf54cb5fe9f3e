#include "http/server.h"

#include "http/connection.h"
#include "http/tls_context.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <charconv>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

namespace checkout {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::chrono::seconds warning_interval{10};

[[noreturn]] void cannot_listen(const std::string& address, const std::string& reason) {
    throw std::runtime_error("cannot listen on " + address + ": " + reason);
}

tcp::endpoint resolve(asio::io_context& io, const std::string& address) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0)
        cannot_listen(address, "it is not of the form host:port");
    std::uint16_t port = 0;
    const char* const end = address.data() + address.size();
    if (const auto [parsed, bad] = std::from_chars(address.data() + colon + 1, end, port);
        bad != std::errc{} || parsed != end)
        cannot_listen(address, "the port is not a number up to 65535");
    std::string host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    error_code ec;
    const auto found = tcp::resolver(io).resolve(host, "", tcp::resolver::passive, ec);
    if (ec)
        cannot_listen(address, ec.message());
    return {found.begin()->endpoint().address(), port};
}

tcp::acceptor listen(asio::io_context& io, const std::string& address) {
    const tcp::endpoint endpoint = resolve(io, address);
    tcp::acceptor acceptor(io);
    error_code ec;
    acceptor.open(endpoint.protocol(), ec);
    if (!ec)
        acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec && endpoint.address().is_v6())
        acceptor.set_option(asio::ip::v6_only(false), ec);
    if (!ec)
        acceptor.bind(endpoint, ec);
    if (!ec)
        acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec)
        cannot_listen(address, ec.message());
    return acceptor;
}

std::string peer_name(const tcp::socket& socket) {
    error_code ec;
    const asio::ip::address address = socket.remote_endpoint(ec).address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
    return address.to_string();
}

} // namespace

class http_server::impl {
public:
    impl(asio::io_context& io, server_options options, server_callbacks callbacks)
        : acceptor_(listen(io, options.address)),
          port_(acceptor_.local_endpoint().port()),
          pause_(io),
          group_(std::make_shared<connection_group>(io, options.name, options.limits, std::move(callbacks))) {
        if (options.tls)
            tls_.emplace(std::move(*options.tls));
    }

    std::uint16_t port() const { return port_; }
    connection_group& group() { return *group_; }
    asio::any_io_executor executor() { return acceptor_.get_executor(); }

    void take_waiting();
    void stop_accepting();
    void hurry_idle();
    void cut_all();

    static asio::awaitable<void> accept_all(std::shared_ptr<impl> self);
    static asio::awaitable<void> drain(std::shared_ptr<impl> self,
                                       std::chrono::steady_clock::time_point deadline);

private:
    asio::awaitable<void> rest_after(error_code failure);
    void take(tcp::socket socket);
    void warn_of_exhaustion(std::chrono::steady_clock::time_point now);

    tcp::acceptor acceptor_;
    std::uint16_t port_;
    asio::steady_timer pause_;
    std::optional<tls_context> tls_;
    std::shared_ptr<connection_group> group_;
    bool accept_fails_ = false; ///< said in the log already
    std::chrono::steady_clock::time_point next_warning_;
};

asio::awaitable<void> http_server::impl::accept_all(std::shared_ptr<impl> self) {
    while (self->acceptor_.is_open()) {
        auto [ec, socket] = co_await self->acceptor_.async_accept(as_result);
        if (ec)
            co_await self->rest_after(ec);
        else
            self->take(std::move(socket));
    }
}

/// Lets the cause of a failed accept pass: out of descriptors, trying again at once would only spin.
asio::awaitable<void> http_server::impl::rest_after(error_code failure) {
    if (!acceptor_.is_open() || failure == asio::error::connection_aborted)
        co_return;
    if (!std::exchange(accept_fails_, true))
        write_log(log_level::error, "http_accept_failed", {{"detail", failure.message()}});
    pause_.expires_after(accept_pause);
    co_await pause_.async_wait(as_result);
}

/// Serves the connection, or closes it by letting go of it.
void http_server::impl::take(tcp::socket socket) {
    accept_fails_ = false;
    const auto now = std::chrono::steady_clock::now();
    if (group_->open.size() >= group_->limits.connections) {
        warn_of_exhaustion(now);
        if (!group_->make_room()) {
            metrics().http_refused.add({group_->listener});
            return;
        }
    }
    try {
        std::string peer = peer_name(socket);
        start_connection(std::move(socket), std::move(peer), group_,
                         tls_ ? tls_->current(now).get() : nullptr);
    } catch (const std::exception& error) { // out of memory: costs this connection, not the accept loop
        write_log(log_level::error, "http_connection_failed", {{"detail", error.what()}});
    }
}

void http_server::impl::warn_of_exhaustion(std::chrono::steady_clock::time_point now) {
    if (now < next_warning_)
        return;
    next_warning_ = now + warning_interval;
    write_log(log_level::warning, "http_connections_exhausted",
              {{"limit", std::uint64_t{group_->limits.connections}}});
}

/// Those whose connections the kernel has made already: closing the acceptor would reset them.
void http_server::impl::take_waiting() {
    error_code ec;
    acceptor_.non_blocking(true, ec);
    while (!ec) {
        tcp::socket socket(acceptor_.get_executor());
        acceptor_.accept(socket, ec);
        if (!ec)
            take(std::move(socket));
    }
}

void http_server::impl::stop_accepting() {
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
}

void http_server::impl::hurry_idle() {
    for (connection* member : group_->open)
        member->hurry();
}

void http_server::impl::cut_all() {
    for (connection* member : group_->open)
        member->cut();
    group_->emptied.cancel();
}

asio::awaitable<void> http_server::impl::drain(std::shared_ptr<impl> self,
                                               std::chrono::steady_clock::time_point deadline) {
    self->group_->closing = true;
    self->take_waiting();
    self->stop_accepting();
    self->group_->draining = true;
    self->hurry_idle();
    if (self->group_->open.empty())
        co_return;
    self->group_->emptied.expires_at(deadline);
    co_await self->group_->emptied.async_wait(as_result);
    self->cut_all();
}

http_server::http_server(asio::io_context& io, server_options options, server_callbacks callbacks)
    : impl_(std::make_shared<impl>(io, std::move(options), std::move(callbacks))) {}

http_server::~http_server() {
    impl_->stop_accepting();
    impl_->cut_all();
}

std::uint16_t http_server::port() const {
    return impl_->port();
}

void http_server::start() {
    asio::co_spawn(impl_->executor(), impl::accept_all(impl_), asio::detached);
}

void http_server::announce_close() {
    impl_->group().closing = true;
}

asio::awaitable<void> http_server::drain(std::chrono::steady_clock::time_point deadline) {
    return impl::drain(impl_, deadline);
}

void http_server::cut() {
    impl_->cut_all();
}

std::size_t http_server::open_connections() const {
    return impl_->group().open.size();
}

} // namespace checkout
