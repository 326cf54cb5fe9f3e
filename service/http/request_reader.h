// Reads the requests of one connection, one at a time: bytes into Beast's parser, with the limits, the
// time-outs and the admission of each request on the way. Decides nothing about answers but those that the
// callbacks give to refused requests.
#pragma once

#include "http/byte_stream.h"
#include "http/server.h"
#include "http/watchdog.h"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace checkout {

/// One of the large bodies that may be in memory at once, from its first byte until it is let go.
class body_place {
public:
    body_place() = default;
    explicit body_place(std::size_t& taken) : taken_(&taken) { ++taken; }
    body_place(body_place&& other) noexcept : taken_(std::exchange(other.taken_, nullptr)) {}
    body_place& operator=(body_place&& other) noexcept {
        std::swap(taken_, other.taken_);
        return *this;
    }
    ~body_place() {
        if (taken_ != nullptr)
            --*taken_;
    }

private:
    std::size_t* taken_ = nullptr;
};

/// One request as far as it was read.
struct received_request {
    http_request request;
    bool is_head = false;
    bool http_1_0 = false;
    bool keep_alive = false;
    std::size_t unread_body = 0;         ///< bytes to pass over after the answer
    std::optional<http_response> answer; ///< already decided: the handler is not to be called
    body_place place;
};

class request_reader {
public:
    /// All must outlive the reader. `large_bodies` is how many are in memory, of all connections. `timer`
    /// must cancel the stream's socket when it expires.
    request_reader(byte_stream& stream, watchdog& timer, const server_limits& limits,
                   const server_callbacks& callbacks, std::size_t& large_bodies);

    /// Waits for the first byte of the next request. False when none came.
    boost::asio::awaitable<bool> request_begins(std::chrono::milliseconds patience);
    bool is_idle() const { return idle_; } ///< waits in request_begins

    /// Reads one request, or as much of it as decides its answer. False when the peer is gone. What `admit`
    /// and `on_fault` throw passes through; the connection is then of no further use.
    boost::asio::awaitable<bool> receive(received_request& in);
    /// Reads over a body that nobody wants. False when it did not come.
    boost::asio::awaitable<bool> skip(std::size_t bytes);

private:
    using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
    using error_code = boost::system::error_code;

    boost::asio::awaitable<error_code> read_header(parser& into);
    boost::asio::awaitable<error_code> read_body(parser& into);
    boost::asio::awaitable<error_code> confirm_continue(const received_request& in);
    boost::asio::awaitable<error_code> read_more(std::size_t at_most);
    bool admit(received_request& in, parser& source);
    bool find_place(received_request& in, const parser& source);
    void refuse(received_request& in, server_fault fault) const;

    byte_stream& stream_;
    watchdog& timer_;
    const server_limits& limits_;
    const server_callbacks& callbacks_;
    std::size_t& large_bodies_;
    boost::beast::flat_buffer buffer_;
    bool idle_ = false;
};

} // namespace checkout
