#include "listener.h"

#include "observe/log.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <tuple>
#include <unordered_map>

namespace clink_twin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using tls_stream = asio::ssl::stream<beast::tcp_stream>;

namespace {

constexpr auto quiet = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t max_body_bytes = 8 * 1024 * 1024;
constexpr std::chrono::seconds idle_timeout{120};
constexpr std::chrono::seconds write_timeout{60};

http_request to_request(http::request<http::string_body>&& message, const std::string& peer) {
    http_request request;
    request.method = message.method_string();
    request.target = message.target();
    auto question = request.target.find('?');
    request.path = request.target.substr(0, question);
    if (question != std::string::npos)
        request.query = request.target.substr(question + 1);
    for (auto& field : message)
        request.headers.emplace_back(field.name_string(), field.value());
    request.body = std::move(message.body());
    request.peer = peer;
    request.received_at = std::chrono::steady_clock::now();
    return request;
}

struct wire_text {
    std::string head;
    std::string body;
};

wire_text to_wire(const http_response& answer, bool keep_alive, bool is_head) {
    http::response<http::empty_body> message;
    message.version(11);
    message.result(answer.status);
    auto& header = message.base();
    for (auto& [name, value] : answer.headers)
        header.insert(name, value);
    header.set(http::field::content_length, std::to_string(answer.body.size()));
    header.set(http::field::server, "clink-twin");
    if (!keep_alive)
        header.set(http::field::connection, "close");
    std::ostringstream head;
    head << header;
    return {std::move(head).str(), is_head ? std::string() : answer.body};
}

tcp::acceptor listen_on(asio::io_context& io, const std::string& address) {
    auto [host, port] = split_address(address);
    try {
        tcp::endpoint endpoint = *tcp::resolver(io).resolve(host, port, tcp::resolver::passive).begin();
        return tcp::acceptor(io, endpoint);
    } catch (const boost::system::system_error& failure) {
        throw std::runtime_error("cannot listen on " + address + ": " + failure.code().message());
    }
}

asio::ssl::context read_tls(const listener_options& options) {
    asio::ssl::context context(asio::ssl::context::tls_server);
    boost::system::error_code error;
    context.use_certificate_chain_file(options.certificate_file, error);
    if (!error)
        context.use_private_key_file(options.key_file, asio::ssl::context::pem, error);
    if (error)
        throw std::runtime_error("cannot use " + options.certificate_file + " with " + options.key_file + ": "
                                 + error.message());
    return context;
}

} // namespace

std::pair<std::string, std::string> split_address(const std::string& address) {
    auto colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == address.size())
        throw std::runtime_error("\"" + address + "\" is not host:port");
    auto host = address.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    return {host, address.substr(colon + 1)};
}

class listener::impl : public std::enable_shared_from_this<impl> {
public:
    impl(asio::io_context& io, listener_options options, handler handle)
        : acceptor_(listen_on(io, options.address)),
          host_(options.address.substr(0, options.address.rfind(':'))),
          handle_(std::move(handle)) {
        if (!options.certificate_file.empty())
            tls_.emplace(read_tls(options));
    }

    void start() { asio::co_spawn(acceptor_.get_executor(), accept_all(shared_from_this()), asio::detached); }

    std::string address() const { return host_ + ":" + std::to_string(acceptor_.local_endpoint().port()); }
    bool tls() const { return tls_.has_value(); }
    std::size_t open() const { return open_; }
    std::uint64_t accepted() const { return accepted_; }
    void stop() { acceptor_.close(); }

    std::size_t close_idle() {
        auto count = idle_.size();
        boost::system::error_code ignored;
        for (auto& [connection, stream] : idle_)
            stream->socket().shutdown(tcp::socket::shutdown_both, ignored);
        return count;
    }

private:
    static asio::awaitable<void> accept_all(std::shared_ptr<impl> self) {
        auto executor = self->acceptor_.get_executor();
        for (;;) {
            auto [error, socket] = co_await self->acceptor_.async_accept(quiet);
            if (error == asio::error::operation_aborted)
                co_return;
            if (error) {
                // Out of descriptors, most likely: a short pause instead of a hot loop.
                checkout::write_log(checkout::log_level::warning, "accept_failed",
                                    {{"detail", error.message()}});
                asio::steady_timer pause(executor, std::chrono::milliseconds(50));
                co_await pause.async_wait(quiet);
                continue;
            }
            boost::system::error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            asio::co_spawn(executor, serve(self, beast::tcp_stream(std::move(socket)), ++self->accepted_),
                           asio::detached);
        }
    }

    static asio::awaitable<void> serve(std::shared_ptr<impl> self, beast::tcp_stream stream,
                                       std::uint64_t id) {
        boost::system::error_code ignored;
        auto peer = stream.socket().remote_endpoint(ignored).address().to_string();
        ++self->open_;
        try {
            if (self->tls_) {
                tls_stream secured(std::move(stream), *self->tls_);
                beast::get_lowest_layer(secured).expires_after(idle_timeout);
                auto [error] = co_await secured.async_handshake(asio::ssl::stream_base::server, quiet);
                if (!error)
                    co_await self->exchange_all(secured, id, peer);
            } else {
                co_await self->exchange_all(stream, id, peer);
            }
        } catch (const std::exception& failure) {
            checkout::write_log(checkout::log_level::error, "connection_failed",
                                {{"detail", failure.what()}});
        }
        --self->open_;
    }

    template <class Stream>
    asio::awaitable<void> exchange_all(Stream& stream, std::uint64_t id, std::string peer) {
        beast::flat_buffer buffer;
        for (auto again = true; again;) {
            http::request_parser<http::string_body> parser;
            parser.body_limit(max_body_bytes);
            beast::get_lowest_layer(stream).expires_after(idle_timeout);
            if (buffer.size() == 0)
                idle_[id] = &beast::get_lowest_layer(stream);
            auto [error, size] = co_await http::async_read_header(stream, buffer, parser, quiet);
            idle_.erase(id);
            if (!error)
                std::tie(error, size) = co_await http::async_read(stream, buffer, parser, quiet);
            if (error)
                break;
            auto keep_alive = parser.get().keep_alive();
            auto is_head = parser.get().method() == http::verb::head;
            beast::get_lowest_layer(stream).expires_never();
            auto reply = co_await handle_(to_request(parser.release(), peer), id);
            again = co_await send(stream, std::move(reply), keep_alive, is_head) && keep_alive;
        }
        co_await close(stream);
    }

    /// Whether the connection may carry another exchange.
    template <class Stream>
    asio::awaitable<bool> send(Stream& stream, wire_reply reply, bool keep_alive, bool is_head) {
        keep_alive = keep_alive && !reply.answer.close;
        auto text = to_wire(reply.answer, keep_alive, is_head);
        switch (reply.act) {
        case wire_act::answer:
            co_return co_await write(stream, text.head + text.body) && keep_alive;
        case wire_act::answer_then_close:
            co_await write(stream, text.head + text.body);
            co_return false;
        case wire_act::close:
            co_return false;
        case wire_act::reset:
            reset(stream);
            co_return false;
        case wire_act::stall:
            co_await stall(stream, reply.wait);
            co_return false;
        case wire_act::truncate:
            co_await write(stream, text.head + text.body.substr(0, reply.bytes));
            co_return false;
        case wire_act::dribble:
            co_return co_await dribble(stream, text.head + text.body, reply) && keep_alive;
        }
        co_return false;
    }

    template <class Stream>
    static asio::awaitable<bool> write(Stream& stream, std::string bytes) {
        beast::get_lowest_layer(stream).expires_after(write_timeout);
        auto [error, size] = co_await asio::async_write(stream, asio::buffer(bytes), quiet);
        co_return !error;
    }

    template <class Stream>
    static asio::awaitable<bool> dribble(Stream& stream, std::string bytes, const wire_reply& reply) {
        asio::steady_timer pause(stream.get_executor());
        auto step = std::max<std::size_t>(reply.bytes, 1);
        for (std::size_t at = 0; at < bytes.size(); at += step) {
            if (!co_await write(stream, bytes.substr(at, step)))
                co_return false;
            pause.expires_after(reply.wait);
            co_await pause.async_wait(quiet);
        }
        co_return true;
    }

    /// Reading is how the client's leaving is noticed.
    template <class Stream>
    static asio::awaitable<void> stall(Stream& stream, std::chrono::milliseconds wait) {
        char ignored[256];
        beast::get_lowest_layer(stream).expires_after(wait);
        for (boost::system::error_code error; !error;)
            std::tie(error, std::ignore) = co_await stream.async_read_some(asio::buffer(ignored), quiet);
    }

    template <class Stream>
    static void reset(Stream& stream) {
        boost::system::error_code ignored;
        auto& socket = beast::get_lowest_layer(stream).socket();
        socket.set_option(asio::socket_base::linger(true, 0), ignored);
        socket.close(ignored);
    }

    static asio::awaitable<void> close(beast::tcp_stream& stream) {
        boost::system::error_code ignored;
        stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
        co_return;
    }

    static asio::awaitable<void> close(tls_stream& stream) {
        if (!stream.next_layer().socket().is_open())
            co_return;
        stream.next_layer().expires_after(std::chrono::seconds(1));
        co_await stream.async_shutdown(quiet);
    }

    tcp::acceptor acceptor_;
    std::string host_;
    handler handle_;
    std::optional<asio::ssl::context> tls_;
    std::unordered_map<std::uint64_t, beast::tcp_stream*> idle_;
    std::size_t open_ = 0;
    std::uint64_t accepted_ = 0;
};

listener::listener(asio::io_context& io, listener_options options, handler handle)
    : impl_(std::make_shared<impl>(io, std::move(options), std::move(handle))) {}

listener::~listener() {
    impl_->stop();
}

void listener::start() {
    impl_->start();
}

std::string listener::address() const {
    return impl_->address();
}

bool listener::tls() const {
    return impl_->tls();
}

std::size_t listener::close_idle() {
    return impl_->close_idle();
}

std::size_t listener::open_connections() const {
    return impl_->open();
}

std::uint64_t listener::accepted_connections() const {
    return impl_->accepted();
}

} // namespace clink_twin
