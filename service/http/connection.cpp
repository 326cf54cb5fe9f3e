#include "http/connection.h"

#include "http/watchdog.h"
#include "observe/log.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace checkout {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

namespace {

using parser = http::request_parser<http::string_body>;
using plain_stream = tcp::socket;
using tls_stream = asio::ssl::stream<tcp::socket>;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t idle_buffer_bytes = 2048; ///< room for most requests; what an idle connection keeps
constexpr std::size_t read_bytes = 16 * 1024;
constexpr std::size_t joined_body_bytes =
    16 * 1024; ///< a body up to this goes out in one piece with its head
constexpr std::size_t skipped_body_bytes =
    64 * 1024; ///< of a rejected request; past it the connection is closed
constexpr std::size_t linger_bytes = 1024 * 1024;
constexpr std::size_t linger_read_bytes = 4096;
constexpr milliseconds linger_timeout{2'000};

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

/// Which answer a failed read deserves; none if there is nobody left to read it.
std::optional<server_fault> classify(const error_code& ec) {
    if (ec == asio::error::timed_out)
        return server_fault::request_timeout;
    if (ec == http::error::header_limit)
        return server_fault::header_too_large;
    if (ec == http::error::body_limit)
        return server_fault::body_too_large;
    const bool from_parser = ec.category() == make_error_code(http::error::bad_value).category();
    return from_parser ? std::optional(server_fault::malformed_request) : std::nullopt;
}

/// One request as far as it was read.
struct received {
    http_request request;
    bool http_1_0 = false;
    bool keep_alive = false;
    std::size_t unread_body = 0;         ///< bytes to pass over after the answer
    std::optional<http_response> answer; ///< already decided: the handler is not to be called
};

void describe(received& in, const parser& source) {
    const auto& message = source.get();
    in.http_1_0 = message.version() == 10;
    in.keep_alive = source.is_header_done() && source.keep_alive();
    in.request.method = message.method_string();
    set_target(in.request, message.target());
    for (const auto& field : message)
        in.request.headers.emplace_back(field.name_string(), field.value());
    in.request.received_at = std::chrono::steady_clock::now();
}

/// Lets the connection survive a body that nobody wants, if its end is known and near.
void plan_unread_body(received& in, const parser& source) {
    if (source.is_done())
        return;
    const auto length = source.content_length();
    if (length && *length <= skipped_body_bytes && !expects_continue(in.request))
        in.unread_body = static_cast<std::size_t>(*length);
    else
        in.keep_alive = false;
}

template <class Stream>
class stream_connection final : public connection,
                                public std::enable_shared_from_this<stream_connection<Stream>> {
public:
    template <class... Arguments>
    stream_connection(std::shared_ptr<connection_group> group, std::string peer, Arguments&&... arguments)
        : connection(std::move(group)),
          stream_(std::forward<Arguments>(arguments)...),
          peer_(std::move(peer)),
          watchdog_(stream_.get_executor(), [this] { cancel(); }) {}

    void close_if_idle() override;
    void cut() override;

    static asio::awaitable<void> run(std::shared_ptr<stream_connection> self);

private:
    static constexpr bool is_tls = std::is_same_v<Stream, tls_stream>;

    tcp::socket& socket();
    void cancel();
    bool has_arrivals();

    asio::awaitable<bool> handshake();
    asio::awaitable<bool> request_begins();
    asio::awaitable<bool> exchange();
    asio::awaitable<bool> receive(received& in);
    asio::awaitable<error_code> receive_body(received& in, parser& source);
    asio::awaitable<error_code> parse_header(parser& into);
    asio::awaitable<error_code> parse_body(parser& into);
    asio::awaitable<error_code> confirm_continue(const received& in, const parser& into);
    bool admit(received& in, parser& source);
    void refuse(received& in, server_fault fault);
    asio::awaitable<http_response> handle(http_request request);
    asio::awaitable<error_code> send(const http_response& response, const response_framing& framing);
    asio::awaitable<bool> skip(std::size_t bytes);
    asio::awaitable<void> linger();
    asio::awaitable<error_code> read_more(std::size_t at_most);

    Stream stream_;
    std::string peer_;
    watchdog watchdog_;
    boost::beast::flat_buffer buffer_;
    bool has_client_certificate_ = false;
    bool idle_ = false;
};

template <class Stream>
tcp::socket& stream_connection<Stream>::socket() {
    if constexpr (is_tls)
        return stream_.next_layer();
    else
        return stream_;
}

template <class Stream>
void stream_connection<Stream>::cancel() {
    error_code ignored;
    socket().cancel(ignored);
}

/// A request that is here already is still served when the server drains.
template <class Stream>
bool stream_connection<Stream>::has_arrivals() {
    error_code ec;
    return socket().available(ec) > 0;
}

template <class Stream>
void stream_connection<Stream>::close_if_idle() {
    error_code ignored;
    if (idle_ && !has_arrivals())
        socket().close(ignored);
}

template <class Stream>
void stream_connection<Stream>::cut() {
    error_code ignored;
    socket().set_option(asio::socket_base::linger(true, 0), ignored); // drop what the peer does not read
    socket().close(ignored);
}

template <class Stream>
asio::awaitable<void> stream_connection<Stream>::run(std::shared_ptr<stream_connection> self) {
    self->watchdog_.guard(self);
    try {
        bool usable = co_await self->handshake();
        while (usable)
            usable = co_await self->request_begins() && co_await self->exchange();
    } catch (const std::exception& error) {
        write_log(log_level::error, "http_connection_failed", {{"detail", error.what()}});
    }
}

template <class Stream>
asio::awaitable<bool> stream_connection<Stream>::handshake() {
    if constexpr (is_tls) {
        watchdog_.arm(group_->limits.header_timeout);
        const auto [ec] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_result);
        if (ec)
            co_return false;
        // The verify mode let the handshake pass only without a certificate or with a good one.
        has_client_certificate_ = SSL_get0_peer_certificate(stream_.native_handle()) != nullptr
                                  && SSL_get_verify_result(stream_.native_handle()) == X509_V_OK;
    }
    co_return true;
}

/// Waits for the first bytes of the next request.
template <class Stream>
asio::awaitable<bool> stream_connection<Stream>::request_begins() {
    if (buffer_.size() > 0)
        co_return true;
    if (group_->draining && !has_arrivals())
        co_return false;
    if (buffer_.capacity() > idle_buffer_bytes)
        buffer_.shrink_to_fit();
    watchdog_.arm(group_->limits.idle_timeout);
    idle_ = true;
    const error_code ec = co_await read_more(idle_buffer_bytes);
    idle_ = false;
    co_return !ec;
}

/// One request and its answer. True if the connection can carry another.
template <class Stream>
asio::awaitable<bool> stream_connection<Stream>::exchange() {
    received in;
    in.request.peer = peer_;
    in.request.has_client_certificate = has_client_certificate_;
    if (!co_await receive(in))
        co_return false;
    const bool answers_head = in.request.method == "HEAD";
    http_response response;
    if (in.answer)
        response = std::move(*in.answer);
    else
        response = co_await handle(std::move(in.request));
    if (!is_sendable(response))
        response = bug_answer("the answer has a status or a header that cannot be sent");
    const bool close = !in.keep_alive || response.close || group_->closing;
    const response_framing framing{.answers_head = answers_head,
                                   .http_1_0 = in.http_1_0,
                                   .close = close,
                                   .date = group_->date.at(std::chrono::system_clock::now())};
    if (co_await send(response, framing)) {
        cut();
        co_return false;
    }
    if (!close)
        co_return co_await skip(in.unread_body);
    co_await linger();
    co_return false;
}

/// Reads one request, or as much of it as decides its answer. False when the peer is gone.
template <class Stream>
asio::awaitable<bool> stream_connection<Stream>::receive(received& in) {
    parser source;
    source.body_limit(boost::none); // not known before admission; no byte of a body is parsed until then
    watchdog_.arm(group_->limits.header_timeout);
    error_code ec = co_await parse_header(source);
    describe(in, source);
    if (!ec && !is_unambiguous(in.request, in.http_1_0))
        ec = http::error::bad_value;
    if (!ec && admit(in, source) && !source.is_done())
        ec = co_await receive_body(in, source);
    watchdog_.disarm();
    const std::optional<server_fault> fault = classify(ec);
    if (fault)
        refuse(in, *fault);
    co_return !ec || fault;
}

template <class Stream>
asio::awaitable<error_code> stream_connection<Stream>::receive_body(received& in, parser& source) {
    watchdog_.arm(group_->limits.body_timeout);
    error_code ec = co_await confirm_continue(in, source);
    if (!ec)
        ec = co_await parse_body(source);
    in.request.body = std::move(source.get().body());
    co_return ec;
}

/// Counts the header's bytes itself: the parser's own limit starts anew with every read.
template <class Stream>
asio::awaitable<error_code> stream_connection<Stream>::parse_header(parser& into) {
    const std::size_t limit = group_->limits.header_bytes;
    into.header_limit(static_cast<std::uint32_t>(limit));
    std::size_t parsed = 0;
    while (true) {
        error_code ec;
        const std::size_t taken = into.put(buffer_.data(), ec);
        buffer_.consume(taken);
        parsed += taken;
        if (parsed > limit)
            co_return http::error::header_limit;
        if (into.is_header_done() || (ec && ec != http::error::need_more))
            co_return ec;
        if (parsed + buffer_.size() >= limit)
            co_return http::error::header_limit;
        ec = co_await read_more(std::max(idle_buffer_bytes, buffer_.size()));
        if (ec)
            co_return ec;
    }
}

template <class Stream>
asio::awaitable<error_code> stream_connection<Stream>::parse_body(parser& into) {
    into.eager(true);
    while (true) {
        error_code ec;
        if (buffer_.size() > 0)
            buffer_.consume(into.put(buffer_.data(), ec));
        if (into.is_done() || (ec && ec != http::error::need_more))
            co_return ec;
        if (buffer_.size() > group_->limits.header_bytes) // a chunk's header or the trailer that does not end
            co_return http::error::bad_chunk;
        ec = co_await read_more(read_bytes);
        if (ec)
            co_return ec;
    }
}

template <class Stream>
asio::awaitable<error_code> stream_connection<Stream>::confirm_continue(const received& in,
                                                                        const parser& into) {
    const bool waits = !in.http_1_0 && buffer_.size() == 0 && !into.is_done() && expects_continue(in.request);
    if (!waits)
        co_return error_code{};
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [ec, written] = co_await asio::async_write(stream_, asio::buffer(go_on), as_result);
    co_return ec;
}

/// Asks what the request may be. False when `in` holds its answer already.
template <class Stream>
bool stream_connection<Stream>::admit(received& in, parser& source) {
    try {
        request_admission admission = group_->callbacks.admit(in.request);
        in.answer = std::move(admission.rejection);
        if (in.answer)
            plan_unread_body(in, source);
        else if (source.content_length().value_or(0) > admission.body_limit_bytes)
            refuse(in, server_fault::body_too_large);
        else
            source.body_limit(admission.body_limit_bytes);
    } catch (...) {
        in.answer = bug_answer(std::current_exception());
    }
    return !in.answer;
}

template <class Stream>
void stream_connection<Stream>::refuse(received& in, server_fault fault) {
    in.keep_alive = false;
    try {
        in.answer = group_->callbacks.on_fault(in.request, fault);
    } catch (...) {
        in.answer = bug_answer(std::current_exception());
    }
}

template <class Stream>
asio::awaitable<http_response> stream_connection<Stream>::handle(http_request request) {
    std::exception_ptr thrown;
    try {
        co_return co_await group_->callbacks.handle(std::move(request));
    } catch (...) {
        thrown = std::current_exception();
    }
    co_return bug_answer(thrown);
}

template <class Stream>
asio::awaitable<error_code> stream_connection<Stream>::send(const http_response& response,
                                                            const response_framing& framing) {
    std::string head = response_head(response, framing);
    std::string_view body = carries_body(response, framing) ? response.body : std::string_view{};
    if (body.size() <= joined_body_bytes) {
        head += body;
        body = {};
    }
    watchdog_.arm(group_->limits.write_timeout);
    const std::array<asio::const_buffer, 2> pieces{asio::buffer(head), asio::buffer(body)};
    const auto [ec, written] = co_await asio::async_write(stream_, pieces, as_result);
    co_return ec;
}

/// Reads over a body that nobody wants. False when it did not come.
template <class Stream>
asio::awaitable<bool> stream_connection<Stream>::skip(std::size_t bytes) {
    watchdog_.arm(group_->limits.body_timeout);
    while (true) {
        const std::size_t here = std::min(bytes, buffer_.size());
        buffer_.consume(here);
        bytes -= here;
        if (bytes == 0)
            co_return true;
        if (co_await read_more(read_bytes))
            co_return false;
    }
}

/// Says good-bye and waits for the peer to do so: closing over unread bytes would reset the connection, and
/// the peer would lose the answer that it has not read yet.
template <class Stream>
asio::awaitable<void> stream_connection<Stream>::linger() {
    watchdog_.arm(std::min(linger_timeout, group_->limits.write_timeout));
    if constexpr (is_tls)
        co_await stream_.async_shutdown(as_result);
    error_code ignored;
    socket().shutdown(tcp::socket::shutdown_send, ignored);
    buffer_.clear();
    for (std::size_t seen = 0; seen < linger_bytes && !watchdog_.expired();) {
        const auto [ec, count] =
            co_await socket().async_read_some(buffer_.prepare(linger_read_bytes), as_result);
        if (ec)
            co_return;
        seen += count;
    }
}

/// Fails with timed_out when the watchdog ended the wait.
template <class Stream>
asio::awaitable<error_code> stream_connection<Stream>::read_more(std::size_t at_most) {
    if (watchdog_.expired())
        co_return asio::error::timed_out;
    const auto [ec, count] = co_await stream_.async_read_some(buffer_.prepare(at_most), as_result);
    buffer_.commit(count);
    co_return ec&& watchdog_.expired() ? error_code(asio::error::timed_out) : ec;
}

template <class Stream, class... Arguments>
void start(const asio::any_io_executor& executor, Arguments&&... arguments) {
    auto started = std::make_shared<stream_connection<Stream>>(std::forward<Arguments>(arguments)...);
    asio::co_spawn(executor, stream_connection<Stream>::run(std::move(started)), asio::detached);
}

} // namespace

connection_group::connection_group(asio::io_context& io, const server_limits& its_limits,
                                   server_callbacks its_callbacks)
    : limits(its_limits),
      callbacks(std::move(its_callbacks)),
      emptied(io) {}

void connection_group::remove(connection& member) {
    open.erase(&member);
    if (open.empty())
        emptied.cancel();
}

void start_connection(tcp::socket socket, std::string peer, std::shared_ptr<connection_group> group,
                      std::shared_ptr<asio::ssl::context> tls) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto executor = socket.get_executor();
    if (tls)
        start<tls_stream>(executor, std::move(group), std::move(peer), std::move(socket), *tls);
    else
        start<plain_stream>(executor, std::move(group), std::move(peer), std::move(socket));
}

} // namespace checkout
