// Answers whose body is made while they are sent: how they are framed on the wire, and how they end when
// either side gives up.
#include "http/server.h"
#include "support/byte_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <atomic>
#include <deque>
#include <future>
#include <stdexcept>
#include <thread>
#include <utility>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace asio = boost::asio;

namespace {

/// What held sources wait for.
struct gate {
    asio::steady_timer opening;
    bool is_open = false; ///< on the server's thread
};

/// What the sources of one server did.
struct source_counts {
    std::atomic<int> asked = 0; ///< calls of next()
    std::atomic<int> alive = 0;
};

enum class source_end { whole, throws, never };

/// What a source gives: its pieces, the last one when the gate opens if it is held, then its end.
struct source_script {
    std::deque<std::string> pieces;
    source_end end = source_end::whole;
    bool held = false;
};

const std::vector<http_header> trailers{{"Row-Count", "3"}, {"Totals", R"({"a":{"USD":"1.00"}})"}};

class scripted_source final : public body_source {
public:
    scripted_source(source_script script, gate& at, source_counts& counts)
        : script_(std::move(script)),
          gate_(at),
          counts_(counts) {
        ++counts_.alive;
    }
    ~scripted_source() override { --counts_.alive; }

    asio::awaitable<std::optional<std::string>> next() override {
        ++counts_.asked;
        auto& left = script_.pieces;
        if (script_.held && left.size() == 1 && !gate_.is_open)
            co_await gate_.opening.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!left.empty()) {
            std::optional<std::string> piece(std::move(left.front()));
            left.pop_front();
            co_return piece;
        }
        if (script_.end == source_end::throws)
            throw std::runtime_error("a test's source breaks off");
        if (script_.end == source_end::never)
            co_return std::string(64 * 1024, 'x');
        co_return std::nullopt;
    }

    std::vector<http_header> trailers() override { return ::trailers; }

private:
    source_script script_;
    gate& gate_;
    source_counts& counts_;
};

source_script script_of(const std::string& path) {
    if (path == "/rows")
        return {{"hello", "a\r\nb", "0\r\n\r\n", "abcdefghijklmnopqrstuvwxyz"}};
    if (path == "/nothing")
        return {};
    if (path == "/big")
        return {std::deque<std::string>(8, std::string(1024 * 1024, 'x'))};
    if (path == "/broken")
        return {{"hello", "world"}, source_end::throws};
    if (path == "/broken-at-once")
        return {{}, source_end::throws};
    if (path == "/held")
        return {{"first", "last"}, source_end::whole, true};
    if (path == "/endless")
        return {{"first"}, source_end::never};
    throw std::logic_error("no test has " + path);
}

/// Its io_context runs on a thread of its own.
class stream_server {
public:
    explicit stream_server(server_limits limits = {})
        : server_(
            io_, server_options{.address = "127.0.0.1:0", .tls = {}, .limits = limits},
            server_callbacks{.admit = [](const http_request&) { return request_admission(); },
                             .handle = [this](http_request request) { return handle(std::move(request)); },
                             .on_fault = [](const http_request&, server_fault) { return http_response(); }}) {
        server_.start();
        thread_ = std::thread([this] { io_.run(); });
    }
    ~stream_server() {
        io_.stop();
        thread_.join();
    }

    std::uint16_t port() const { return server_.port(); }
    int asked() const { return counts_.asked; }
    void open_gate() {
        asio::post(io_, [this] {
            gate_.is_open = true;
            gate_.opening.cancel();
        });
    }
    /// Whether all of them are gone, in the end.
    bool sources_go() const {
        const auto until = std::chrono::steady_clock::now() + byte_client::patience;
        while (counts_.alive > 0 && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(1ms);
        return counts_.alive == 0;
    }
    std::future<void> drain(std::chrono::milliseconds limit) {
        return asio::co_spawn(io_, server_.drain(std::chrono::steady_clock::now() + limit), asio::use_future);
    }

private:
    asio::awaitable<http_response> handle(http_request request) {
        http_response response;
        response.set("Content-Type", "text/csv");
        if (request.path == "/plain") {
            response.body = "plain";
            co_return response;
        }
        response.set("Trailer", "Row-Count, Totals");
        response.source = std::make_shared<scripted_source>(script_of(request.path), gate_, counts_);
        co_return response;
    }

    source_counts counts_;
    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    gate gate_{.opening = asio::steady_timer(io_, std::chrono::steady_clock::time_point::max())};
    http_server server_;
    std::thread thread_;
};

std::string get(std::string_view path, std::string_view more = {}) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(more) + "\r\n";
}

bool has(const std::string& head, std::string_view line) {
    return head.find("\r\n" + std::string(line)) != std::string::npos;
}

std::string read_head(byte_client& client) {
    return client.read_until("\r\n\r\n");
}

/// The server still takes a request on that connection.
void check_serves(byte_client& client) {
    client.send(get("/plain"));
    CHECK(has(read_head(client), "Content-Length: 5\r\n"));
    CHECK(client.read(5) == "plain");
}

const std::string whole_end = "0\r\nRow-Count: 3\r\nTotals: {\"a\":{\"USD\":\"1.00\"}}\r\n\r\n";
const std::string rows_in_chunks =
    "5\r\nhello\r\n4\r\na\r\nb\r\n5\r\n0\r\n\r\n\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n" + whole_end;

} // namespace

TEST_CASE("http stream: HTTP/1.1 gets chunks, then the trailers, and the connection goes on") {
    stream_server server;
    byte_client client(server.port());
    for (int i = 0; i < 2; ++i) {
        client.send(get("/rows"));
        const auto head = read_head(client);
        CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
        CHECK(has(head, "Transfer-Encoding: chunked\r\n"));
        CHECK(has(head, "Trailer: Row-Count, Totals\r\n"));
        CHECK_FALSE(has(head, "Content-Length"));
        CHECK_FALSE(has(head, "Connection"));
        CHECK(client.read(rows_in_chunks.size()) == rows_in_chunks);
    }
    check_serves(client);
    CHECK(server.sources_go());
}

TEST_CASE("http stream: requests that were sent at once are answered one after the other") {
    stream_server server;
    byte_client client(server.port());
    client.send(get("/nothing") + get("/plain") + get("/rows"));
    read_head(client);
    CHECK(client.read(whole_end.size()) == whole_end);
    read_head(client);
    CHECK(client.read(5) == "plain");
    read_head(client);
    CHECK(client.read(rows_in_chunks.size()) == rows_in_chunks);
}

TEST_CASE("http stream: the client's wish to close is followed after the trailers") {
    stream_server server;
    byte_client client(server.port());
    client.send(get("/rows", "Connection: close\r\n"));
    CHECK(has(read_head(client), "Connection: close\r\n"));
    const auto rest = client.read_to_end();
    CHECK(rest.bytes == rows_in_chunks);
    CHECK_FALSE(rest.reset);
}

TEST_CASE("http stream: to HTTP/1.0 the body ends with the connection, whatever it wished") {
    stream_server server;
    for (const std::string more : {"", "Connection: keep-alive\r\n"}) {
        byte_client client(server.port());
        client.send("GET /rows HTTP/1.0\r\n" + more + "\r\n");
        const auto head = read_head(client);
        CHECK(has(head, "Connection: close\r\n"));
        CHECK_FALSE(has(head, "Transfer-Encoding"));
        CHECK_FALSE(has(head, "Content-Length"));
        const auto rest = client.read_to_end();
        CHECK(rest.bytes == "helloa\r\nb0\r\n\r\nabcdefghijklmnopqrstuvwxyz");
        CHECK_FALSE(rest.reset);
    }
}

TEST_CASE("http stream: HEAD gets the head of GET, and the source is not asked") {
    stream_server server;
    byte_client client(server.port());
    client.send("HEAD /rows HTTP/1.1\r\nHost: test\r\n\r\n");
    const auto head = read_head(client);
    CHECK(has(head, "Transfer-Encoding: chunked\r\n"));
    CHECK(has(head, "Trailer: Row-Count, Totals\r\n"));
    check_serves(client);
    CHECK(server.sources_go());
    CHECK(server.asked() == 0);
}

TEST_CASE("http stream: large pieces arrive whole") {
    stream_server server;
    byte_client client(server.port());
    client.send(get("/big"));
    read_head(client);
    const std::string piece(1024 * 1024, 'x');
    for (int i = 0; i < 8; ++i) {
        CHECK(client.read_until("\r\n") == "100000\r\n");
        CHECK(client.read(piece.size()) == piece);
        CHECK(client.read(2) == "\r\n");
    }
    CHECK(client.read(whole_end.size()) == whole_end);
}

TEST_CASE("http stream: of a body that breaks off the end is never sent, and the connection is cut") {
    stream_server server;
    for (const std::string path : {"/broken", "/broken-at-once"}) {
        byte_client client(server.port());
        client.send(get(path) + get("/plain"));
        const auto rest = client.read_to_end();
        CHECK(rest.reset);
        CHECK(rest.bytes.find("0\r\n") == std::string::npos);
        CHECK(rest.bytes.find("plain") == std::string::npos);
        CHECK(std::string_view("5\r\nhello\r\n5\r\nworld\r\n")
                  .starts_with(
                      rest.bytes.substr(std::min(rest.bytes.size(), rest.bytes.find("\r\n\r\n") + 4))));
    }
    byte_client old(server.port());
    old.send("GET /broken HTTP/1.0\r\n\r\n");
    CHECK_MESSAGE(old.read_to_end().reset, "else HTTP/1.0 would take the half for the whole");
    CHECK(server.sources_go());
}

TEST_CASE("http stream: a piece is sent when it is there, and the next may take longer than any limit") {
    stream_server server({.idle_timeout = 3s, .write_timeout = 500ms});
    byte_client client(server.port());
    client.send(get("/held"));
    read_head(client);
    CHECK(client.read(10) == "5\r\nfirst\r\n");
    byte_client idle(server.port());
    CHECK_FALSE(idle.read_to_end().reset); // every limit has passed once by now
    server.open_gate();
    CHECK(client.read(9 + whole_end.size()) == "4\r\nlast\r\n" + whole_end);
}

TEST_CASE("http stream: a client that goes away lets the source go") {
    stream_server server;
    byte_client client(server.port());
    client.send(get("/endless"));
    read_head(client);
    client.read(1024 * 1024);
    client.close();
    CHECK(server.sources_go());
}

TEST_CASE("http stream: a client that does not read is cut off, and the source goes") {
    stream_server server({.write_timeout = 50ms});
    byte_client client(server.port(), 4096);
    client.send(get("/endless"));
    read_head(client);
    CHECK(server.sources_go());
    CHECK(client.read_to_end().reset);
}

TEST_CASE("http stream: a source is asked no faster than its reader reads") {
    stream_server server;
    byte_client client(server.port(), 4096);
    client.send(get("/endless"));
    read_head(client);
    client.read(10);
    // What the two sockets' buffers hold are some MiB of 64 KiB pieces.
    constexpr int too_many = 1000;
    int seen = -1;
    for (int pauses = 0; pauses < 2 && seen < too_many;) {
        std::this_thread::sleep_for(50ms);
        const int before = std::exchange(seen, server.asked());
        pauses = before == seen ? pauses + 1 : 0;
    }
    CHECK(seen < too_many);
}

TEST_CASE("http stream: a server that drains finishes what is under way") {
    stream_server server;
    byte_client client(server.port());
    client.send(get("/held"));
    read_head(client);
    client.read(10);
    auto drained = server.drain(byte_client::patience);
    server.open_gate();
    const auto rest = client.read_to_end();
    CHECK(rest.bytes == "4\r\nlast\r\n" + whole_end);
    CHECK_FALSE(rest.reset);
    drained.get();
    CHECK(server.sources_go());
}

TEST_CASE("http stream: at the end of its patience it cuts what does not end") {
    stream_server server;
    byte_client client(server.port(), 4096);
    client.send(get("/endless"));
    read_head(client);
    auto drained = server.drain(50ms);
    CHECK(client.read_to_end().reset);
    drained.get();
    CHECK(server.sources_go());
}
