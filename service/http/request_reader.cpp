#include "http/request_reader.h"

#include "http/framing.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

namespace checkout {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t idle_buffer_bytes = 2048; // room for most requests; what an idle connection keeps
constexpr std::size_t read_bytes = 16 * 1024;
constexpr std::size_t skipped_body_bytes =
    64 * 1024; // of a rejected request; past it the connection is closed

/// Which answer a failed read deserves; none if there is nobody left to read it.
std::optional<server_fault> classify(const boost::system::error_code& ec) {
    if (ec == asio::error::timed_out)
        return server_fault::request_timeout;
    if (ec == http::error::header_limit)
        return server_fault::header_too_large;
    if (ec == http::error::body_limit)
        return server_fault::body_too_large;
    const bool from_parser = ec.category() == make_error_code(http::error::bad_value).category();
    return from_parser ? std::optional(server_fault::malformed_request) : std::nullopt;
}

/// Takes over what the parser has understood so far.
template <class Parser>
void describe(received_request& in, const Parser& source) {
    const auto& message = source.get();
    in.http_1_0 = message.version() == 10;
    in.keep_alive = source.is_header_done() && source.keep_alive();
    in.request.method = message.method_string();
    in.is_head = in.request.method == "HEAD";
    set_target(in.request, message.target());
    for (const auto& field : message)
        in.request.headers.emplace_back(field.name_string(), field.value());
    in.request.received_at = std::chrono::steady_clock::now();
}

/// Lets the connection survive a body that nobody wants, if its end is known and near.
template <class Parser>
void plan_unread_body(received_request& in, const Parser& source) {
    if (source.is_done())
        return;
    const auto length = source.content_length();
    if (length && *length <= skipped_body_bytes && !expects_continue(in.request))
        in.unread_body = static_cast<std::size_t>(*length);
    else
        in.keep_alive = false;
}

} // namespace

request_reader::request_reader(byte_stream& stream, watchdog& timer, const server_limits& limits,
                               const server_callbacks& callbacks, std::size_t& large_bodies)
    : stream_(stream),
      timer_(timer),
      limits_(limits),
      callbacks_(callbacks),
      large_bodies_(large_bodies) {}

asio::awaitable<bool> request_reader::request_begins(std::chrono::milliseconds patience) {
    if (buffer_.size() > 0)
        co_return true;
    if (buffer_.capacity() > idle_buffer_bytes)
        buffer_.shrink_to_fit();
    timer_.arm(patience);
    idle_ = true;
    const error_code ec = co_await read_more(idle_buffer_bytes);
    idle_ = false;
    co_return !ec;
}

asio::awaitable<bool> request_reader::receive(received_request& in) {
    parser source;
    source.body_limit(boost::none); // not known before admission; no byte of a body is parsed until then
    error_code ec = co_await read_header(source);
    describe(in, source);
    if (!ec && !is_unambiguous(in.request, in.http_1_0))
        ec = http::error::bad_value;
    if (!ec && admit(in, source) && !source.is_done()) {
        timer_.arm(limits_.body_timeout);
        ec = co_await confirm_continue(in);
        if (!ec)
            ec = co_await read_body(source);
        in.request.body = std::move(source.get().body());
    }
    timer_.disarm();
    const std::optional<server_fault> fault = classify(ec);
    if (fault)
        refuse(in, *fault);
    co_return !ec || fault;
}

/// Counts the header's bytes itself: the parser's own limit starts anew with every read.
asio::awaitable<boost::system::error_code> request_reader::read_header(parser& into) {
    timer_.arm(limits_.header_timeout);
    into.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
    std::size_t parsed = 0;
    while (true) {
        error_code ec;
        const std::size_t taken = into.put(buffer_.data(), ec);
        buffer_.consume(taken);
        parsed += taken;
        if (parsed > limits_.header_bytes)
            co_return http::error::header_limit;
        if (into.is_header_done() || (ec && ec != http::error::need_more))
            co_return ec;
        if (parsed + buffer_.size() >= limits_.header_bytes)
            co_return http::error::header_limit;
        ec = co_await read_more(std::max(idle_buffer_bytes, buffer_.size()));
        if (ec)
            co_return ec;
    }
}

asio::awaitable<boost::system::error_code> request_reader::read_body(parser& into) {
    into.eager(true);
    while (true) {
        error_code ec;
        if (buffer_.size() > 0)
            buffer_.consume(into.put(buffer_.data(), ec));
        if (into.is_done() || (ec && ec != http::error::need_more))
            co_return ec;
        if (buffer_.size() > limits_.header_bytes) // the header of a chunk, or the trailer, that does not end
            co_return http::error::bad_chunk;
        ec = co_await read_more(read_bytes);
        if (ec)
            co_return ec;
    }
}

asio::awaitable<boost::system::error_code> request_reader::confirm_continue(const received_request& in) {
    if (in.http_1_0 || buffer_.size() > 0 || !expects_continue(in.request))
        co_return error_code{};
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    co_return co_await stream_.write_all({asio::buffer(go_on), asio::const_buffer{}});
}

/// Asks what the request may be. False when `in` holds its answer already.
bool request_reader::admit(received_request& in, parser& source) {
    request_admission admission = callbacks_.admit(in.request);
    in.answer = std::move(admission.rejection);
    if (in.answer)
        plan_unread_body(in, source);
    else if (source.content_length().value_or(0) > admission.body_limit_bytes)
        refuse(in, server_fault::body_too_large);
    else if (!find_place(in, source))
        refuse(in, server_fault::overloaded);
    else
        source.body_limit(admission.body_limit_bytes);
    return !in.answer;
}

/// False when as many large bodies as may be are there already, or on their way.
bool request_reader::find_place(received_request& in, const parser& source) {
    const bool is_small =
        source.is_done() || source.content_length().value_or(SIZE_MAX) <= limits_.small_body_bytes;
    if (is_small)
        return true;
    if (large_bodies_ >= limits_.large_bodies)
        return false;
    in.place = body_place(large_bodies_);
    return true;
}

void request_reader::refuse(received_request& in, server_fault fault) const {
    in.keep_alive = false;
    in.answer = callbacks_.on_fault(in.request, fault);
}

asio::awaitable<bool> request_reader::skip(std::size_t bytes) {
    timer_.arm(limits_.body_timeout);
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

/// Fails with timed_out when the timer ended the wait.
asio::awaitable<boost::system::error_code> request_reader::read_more(std::size_t at_most) {
    if (timer_.expired())
        co_return asio::error::timed_out;
    const auto [ec, count] = co_await stream_.read_some(buffer_.prepare(at_most));
    buffer_.commit(count);
    if (ec && timer_.expired())
        co_return asio::error::timed_out;
    co_return ec;
}

} // namespace checkout
