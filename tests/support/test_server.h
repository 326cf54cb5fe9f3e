// An http_server on a thread of its own with a small fixed application, for tests that talk to it over
// sockets.
#pragma once

#include "http/server.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <thread>

namespace checkout::test {

/// Bodies up to this are admitted; "/reject" is refused with 403 before its body, "/admit-throws" throws.
constexpr std::size_t admitted_body_bytes = 1024;

/// Its paths: "/echo" gives the body back, "/hold" answers when release() is called, "/big" is 32 MiB,
/// "/empty" 204,
/// "/unchanged" 304, "/close" closes, "/throws" throws, "/split" has a line break in a header, "/certificate"
/// says whether the client showed one, "/count" how many requests were handled by now; anything else is 200
/// with the request's path and query as its body.
class test_server {
public:
    explicit test_server(server_limits limits = {}, std::optional<server_tls> tls = {});
    ~test_server();

    std::uint16_t port() const { return port_; }
    int handled() const { return handled_; } ///< requests that reached the handler
    int held() const { return held_; }       ///< requests that arrived at "/hold"

    void await_held(int count);
    void release();
    void announce_close();
    std::size_t open_connections();
    void cut();
    /// Drains; false if the deadline passed first.
    bool drain(std::chrono::milliseconds limit);
    /// Destroys the http_server while its io_context runs on.
    void destroy_server();

private:
    template <class Function>
    auto on_thread(Function function);

    request_admission admit(const http_request& request) const;
    boost::asio::awaitable<http_response> handle(http_request request);

    boost::asio::io_context io_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
    boost::asio::steady_timer gate_{io_, std::chrono::steady_clock::time_point::max()};
    std::atomic<int> handled_ = 0;
    std::atomic<int> held_ = 0;
    std::unique_ptr<http_server> server_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

} // namespace checkout::test
