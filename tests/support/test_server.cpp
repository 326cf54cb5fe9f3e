#include "support/test_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <exception>
#include <future>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace checkout::test {

namespace asio = boost::asio;

namespace {

constexpr std::size_t big_body_bytes = 32 * 1024 * 1024;

http_response plain(unsigned status, std::string body) {
    http_response response;
    response.status = status;
    response.set("Content-Type", "text/plain");
    response.body = std::move(body);
    return response;
}

http_response on_fault(const http_request&, server_fault fault) {
    switch (fault) {
    case server_fault::malformed_request:
        return plain(400, "malformed");
    case server_fault::header_too_large:
        return plain(431, "header");
    case server_fault::body_too_large:
        return plain(413, "body");
    case server_fault::overloaded:
        return plain(503, "overloaded");
    case server_fault::request_timeout:
        return plain(408, "timeout");
    }
    throw std::logic_error("unknown fault");
}

http_response respond(http_request request) {
    if (request.path == "/throws")
        throw std::runtime_error("a test's handler throws");
    if (request.path == "/echo")
        return plain(200, std::move(request.body));
    if (request.path == "/empty")
        return plain(204, "not to be sent");
    if (request.path == "/unchanged")
        return plain(304, "not to be sent");
    if (request.path == "/big")
        return plain(200, std::string(big_body_bytes, 'x'));
    if (request.path == "/certificate")
        return plain(200, request.has_client_certificate ? "yes" : "no");
    http_response response = plain(200, request.path + "|" + request.query);
    response.close = request.path == "/close";
    if (request.path == "/split")
        response.set("X-Split", "a\r\nX-Injected: b");
    return response;
}

} // namespace

test_server::test_server(server_limits limits, std::optional<server_tls> tls)
    : server_(std::make_unique<http_server>(
        io_, server_options{.address = "127.0.0.1:0", .tls = std::move(tls), .limits = limits},
        server_callbacks{.admit = [this](const http_request& request) { return admit(request); },
                         .handle = [this](http_request request) { return handle(std::move(request)); },
                         .on_fault = on_fault})),
      port_(server_->port()) {
    server_->start();
    thread_ = std::thread([this] { io_.run(); });
}

test_server::~test_server() {
    io_.stop();
    thread_.join();
}

template <class Function>
auto test_server::on_thread(Function function) {
    std::packaged_task<std::invoke_result_t<Function>()> task(std::move(function));
    asio::post(io_, [&task] { task(); });
    return task.get_future().get();
}

request_admission test_server::admit(const http_request& request) const {
    if (request.path == "/admit-throws")
        throw std::runtime_error("a test's admission throws");
    if (request.path == "/reject")
        return {.body_limit_bytes = 0, .rejection = plain(403, "rejected")};
    return {.body_limit_bytes = admitted_body_bytes, .rejection = {}};
}

asio::awaitable<http_response> test_server::handle(http_request request) {
    ++handled_;
    if (request.path == "/hold") {
        ++held_;
        held_.notify_all();
        co_await gate_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    if (request.path == "/count")
        co_return plain(200, std::to_string(handled_));
    co_return respond(std::move(request));
}

void test_server::await_held(int count) {
    for (int seen = held_; seen < count; seen = held_)
        held_.wait(seen);
}

void test_server::release() {
    on_thread([this] { gate_.cancel(); });
}

void test_server::announce_close() {
    on_thread([this] { server_->announce_close(); });
}

std::size_t test_server::open_connections() {
    return on_thread([this] { return server_->open_connections(); });
}

bool test_server::drain(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    std::promise<void> done;
    asio::co_spawn(io_, server_->drain(deadline), [&done](const std::exception_ptr&) { done.set_value(); });
    done.get_future().wait();
    return std::chrono::steady_clock::now() < deadline;
}

void test_server::cut() {
    on_thread([this] { server_->cut(); });
}

void test_server::destroy_server() {
    on_thread([this] { server_.reset(); });
}

} // namespace checkout::test
