// The framing of a body that is made while it is sent (RFC 9112 sections 6.1, 6.3 and 7.1).
#include "http/framing.h"

#include <doctest/doctest.h>

#include <limits>

using namespace checkout;

namespace {

class no_pieces final : public body_source {
public:
    boost::asio::awaitable<std::optional<std::string>> next() override { co_return std::nullopt; }
    std::vector<http_header> trailers() override { return {}; }
};

http_response streamed(unsigned status = 200) {
    http_response response;
    response.status = status;
    response.set("Content-Type", "text/csv");
    response.set("Trailer", "Row-Count");
    response.source = std::make_shared<no_pieces>();
    return response;
}

} // namespace

TEST_CASE("stream framing: to HTTP/1.1 the head announces chunks and no length") {
    const auto response = streamed();
    CHECK(response_head(response, {.date = "now"})
          == "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTrailer: Row-Count\r\nDate: now\r\n"
             "Transfer-Encoding: chunked\r\n\r\n");
    CHECK(response_head(response, {.close = true, .date = "now"})
          == "HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTrailer: Row-Count\r\nDate: now\r\n"
             "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    CHECK(carries_body(response, {}));
}

TEST_CASE("stream framing: HEAD is answered with the head of GET") {
    const auto response = streamed();
    CHECK(response_head(response, {.answers_head = true, .date = "now"})
          == response_head(response, {.date = "now"}));
    CHECK_FALSE(carries_body(response, {.answers_head = true}));
}

TEST_CASE("stream framing: to HTTP/1.0 the end is the connection's") {
    const auto head = response_head(streamed(), {.http_1_0 = true, .close = true, .date = "now"});
    CHECK(head.find("Transfer-Encoding") == std::string::npos);
    CHECK(head.find("Content-Length") == std::string::npos);
    CHECK(head.ends_with("\r\nConnection: close\r\n\r\n"));
}

TEST_CASE("stream framing: the answer cannot contradict it") {
    auto response = streamed();
    response.headers.emplace_back("transfer-encoding", "gzip");
    response.headers.emplace_back("CONTENT-LENGTH", "3");
    CHECK(response_head(response, {.date = "now"}) == response_head(streamed(), {.date = "now"}));
}

TEST_CASE("stream framing: 204 and 304 have neither a length nor a coding") {
    for (const unsigned status : {204U, 304U}) {
        const auto response = streamed(status);
        const auto head = response_head(response, {.date = "now"});
        CHECK(head.find("Transfer-Encoding") == std::string::npos);
        CHECK(head.find("Content-Length") == std::string::npos);
        CHECK_FALSE(carries_body(response, {}));
    }
}

TEST_CASE("stream framing: a chunk's head is its size in hex") {
    CHECK(chunk_head(1) == "1\r\n");
    CHECK(chunk_head(10) == "a\r\n");
    CHECK(chunk_head(16) == "10\r\n");
    CHECK(chunk_head(4096) == "1000\r\n");
    CHECK(chunk_head(200'000) == "30d40\r\n");
    CHECK(chunk_head(std::numeric_limits<std::size_t>::max()) == "ffffffffffffffff\r\n");
}

TEST_CASE("stream framing: the last chunk carries the trailers and the empty line") {
    CHECK(last_chunk({}) == "0\r\n\r\n");
    CHECK(last_chunk({{"Row-Count", "3"}, {"Totals", R"({"a":{}})"}})
          == "0\r\nRow-Count: 3\r\nTotals: {\"a\":{}}\r\n\r\n");
}
