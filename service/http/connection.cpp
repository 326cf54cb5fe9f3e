#include "http/connection.h"

#include "http/byte_stream.h"
#include "http/request_reader.h"
#include "http/watchdog.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t joined_body_bytes = 16 * 1024; // a body up to this goes out in one piece with its head
constexpr std::size_t linger_bytes = 1024 * 1024;
constexpr std::chrono::milliseconds linger_timeout{2'000};
constexpr std::chrono::milliseconds goodbye_timeout{200};

/// The answer to our own mistake: callbacks promise not to throw and to give what can be sent.
http_response bug_answer(std::string_view detail) {
    write_log(log_level::error, "http_callback_failed", {{"detail", detail}});
    http_response answer;
    answer.status = 500;
    answer.close = true;
    return answer;
}

http_response bug_answer(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
        return bug_answer(error.what());
    } catch (...) {
        return bug_answer("not a std::exception");
    }
}

class stream_connection final : public connection, public std::enable_shared_from_this<stream_connection> {
public:
    stream_connection(std::shared_ptr<connection_group> group, std::string peer,
                      std::unique_ptr<byte_stream> stream)
        : connection(std::move(group)),
          peer_(std::move(peer)),
          stream_(std::move(stream)),
          timer_(stream_->socket().get_executor(), [this] { cancel(); }),
          reader_(*stream_, timer_, group_->limits, group_->callbacks, group_->large_bodies) {}

    void hurry() override;
    void drop() override;
    void cut() override;

    static asio::awaitable<void> run(std::shared_ptr<stream_connection> self);

private:
    void cancel();
    asio::awaitable<bool> open();
    asio::awaitable<bool> request_begins();
    asio::awaitable<bool> exchange();
    asio::awaitable<std::optional<http_response>> response_to(received_request& in);
    asio::awaitable<error_code> send(const http_response& response, const response_framing& framing);
    asio::awaitable<error_code> send_source(body_source& source, const response_framing& framing);
    asio::awaitable<std::optional<std::string>> next_of(body_source& source);
    asio::awaitable<error_code> write(std::string_view first, std::string_view second);
    asio::awaitable<void> linger();

    const std::string peer_;
    const std::unique_ptr<byte_stream> stream_;
    watchdog timer_;
    request_reader reader_;
};

void stream_connection::cancel() {
    error_code ignored;
    stream_->socket().cancel(ignored);
}

void stream_connection::hurry() {
    if (reader_.is_idle())
        timer_.arm(group_->limits.last_request_timeout);
}

void stream_connection::drop() {
    error_code ignored;
    stream_->socket().close(ignored);
}

void stream_connection::cut() {
    error_code ignored;
    // Without lingering: what the peer does not read is dropped at once.
    stream_->socket().set_option(asio::socket_base::linger(true, 0), ignored);
    stream_->socket().close(ignored);
}

asio::awaitable<void> stream_connection::run(std::shared_ptr<stream_connection> self) {
    self->timer_.guard(self);
    try {
        bool usable = co_await self->open();
        while (usable)
            usable = co_await self->request_begins() && co_await self->exchange();
    } catch (const std::exception& error) {
        write_log(log_level::error, "http_connection_failed", {{"detail", error.what()}});
    }
}

asio::awaitable<bool> stream_connection::open() {
    const connection_group::idle_place waiting(*group_, *this);
    timer_.arm(group_->limits.header_timeout);
    co_return !co_await stream_->open();
}

/// A connection that has waited in vain is told that it is over.
asio::awaitable<bool> stream_connection::request_begins() {
    const connection_group::idle_place waiting(*group_, *this);
    const auto patience =
        group_->draining ? group_->limits.last_request_timeout : group_->limits.idle_timeout;
    if (co_await reader_.request_begins(patience))
        co_return true;
    if (timer_.expired()) {
        timer_.arm(goodbye_timeout);
        co_await stream_->finish_writing();
    }
    co_return false;
}

/// One request and its answer. True if the connection can carry another.
asio::awaitable<bool> stream_connection::exchange() {
    received_request in;
    in.request.peer = peer_;
    in.request.has_client_certificate = stream_->has_client_certificate();
    std::optional<http_response> response = co_await response_to(in);
    if (!response)
        co_return false;
    if (!is_sendable(*response))
        response = bug_answer("the answer has a status or a header that cannot be sent");
    const bool ends_with_connection = response->source && in.http_1_0;
    const bool close = !in.keep_alive || response->close || group_->closing || ends_with_connection;
    const response_framing framing{.answers_head = in.is_head,
                                   .http_1_0 = in.http_1_0,
                                   .close = close,
                                   .date = group_->date.at(std::chrono::system_clock::now())};
    if (co_await send(*response, framing)) {
        cut();
        co_return false;
    }
    if (!close)
        co_return co_await reader_.skip(in.unread_body);
    co_await linger();
    co_return false;
}

/// Nothing when the peer is gone.
asio::awaitable<std::optional<http_response>> stream_connection::response_to(received_request& in) {
    std::exception_ptr thrown;
    try {
        if (!co_await reader_.receive(in))
            co_return std::nullopt;
        if (in.answer)
            co_return std::move(in.answer);
        co_return co_await group_->callbacks.handle(std::move(in.request));
    } catch (...) {
        thrown = std::current_exception();
    }
    co_return bug_answer(thrown);
}

asio::awaitable<error_code> stream_connection::send(const http_response& response,
                                                    const response_framing& framing) {
    std::string head = response_head(response, framing);
    std::string_view body = carries_body(response, framing) ? response.body : std::string_view{};
    if (body.size() <= joined_body_bytes) {
        head += body;
        body = {};
    }
    const auto failed = co_await write(head, body);
    if (failed || !response.source || !carries_body(response, framing))
        co_return failed;
    co_return co_await send_source(*response.source, framing);
}

/// A body that is made meanwhile. Of one that is not whole the end is never sent.
asio::awaitable<error_code> stream_connection::send_source(body_source& source,
                                                           const response_framing& framing) {
    while (true) {
        timer_.disarm();
        const auto piece = co_await next_of(source);
        if (!piece)
            co_return asio::error::operation_aborted;
        if (piece->empty())
            break;
        std::string head = framing.http_1_0 ? std::string() : chunk_head(piece->size());
        if (const auto failed = co_await write(head, *piece))
            co_return failed;
        if (framing.http_1_0)
            continue;
        if (const auto failed = co_await write("\r\n", {}))
            co_return failed;
    }
    if (framing.http_1_0)
        co_return error_code();
    const std::string end = last_chunk(source.trailers());
    co_return co_await write(end, {});
}

/// Empty at the end, nothing when it failed.
asio::awaitable<std::optional<std::string>> stream_connection::next_of(body_source& source) {
    try {
        co_return (co_await source.next()).value_or(std::string());
    } catch (const std::exception& error) {
        write_log(log_level::warning, "http_body_cut", {{"detail", error.what()}});
    }
    co_return std::nullopt;
}

asio::awaitable<error_code> stream_connection::write(std::string_view first, std::string_view second) {
    timer_.arm(group_->limits.write_timeout);
    const std::array<asio::const_buffer, 2> pieces{asio::buffer(first), asio::buffer(second)};
    co_return co_await stream_->write_all(pieces);
}

/// Waits for the peer to close: closing over unread bytes would reset the connection, and the peer would lose
/// the answer that it has not read yet.
asio::awaitable<void> stream_connection::linger() {
    timer_.arm(std::min(linger_timeout, group_->limits.write_timeout));
    co_await stream_->finish_writing();
    std::vector<char> unwanted(4096);
    for (std::size_t seen = 0; seen < linger_bytes && !timer_.expired();) {
        const auto [ec, count] = co_await stream_->socket().async_read_some(
            asio::buffer(unwanted), asio::as_tuple(asio::use_awaitable));
        if (ec)
            co_return;
        seen += count;
    }
}

} // namespace

connection_group::connection_group(asio::io_context& io, std::string listener_name,
                                   const server_limits& its_limits, server_callbacks its_callbacks)
    : listener(std::move(listener_name)),
      limits(its_limits),
      callbacks(std::move(its_callbacks)),
      emptied(io) {
    metrics().http_connections.set({listener}, 0);
    metrics().http_refused.add({listener}, 0);
}

void connection_group::add(connection& member) {
    open.insert(&member);
    metrics().http_connections.add({listener}, 1);
}

connection_group::idle_place::idle_place(connection_group& group, connection& member)
    : group_(group),
      at_(group.idle_.insert(group.idle_.end(), &member)) {}

connection_group::idle_place::~idle_place() {
    group_.idle_.erase(at_);
}

bool connection_group::make_room() {
    const auto longest = std::ranges::find_if(idle_, [](const connection* each) { return each != nullptr; });
    if (longest == idle_.end())
        return false;
    std::exchange(*longest, nullptr)->drop();
    return true;
}

void connection_group::remove(connection& member) {
    open.erase(&member);
    metrics().http_connections.add({listener}, -1);
    if (open.empty())
        emptied.cancel();
}

void start_connection(tcp::socket socket, std::string peer, std::shared_ptr<connection_group> group,
                      asio::ssl::context* tls) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto executor = socket.get_executor();
    auto started = std::make_shared<stream_connection>(std::move(group), std::move(peer),
                                                       make_byte_stream(std::move(socket), tls));
    asio::co_spawn(executor, stream_connection::run(std::move(started)), asio::detached);
}

} // namespace checkout
