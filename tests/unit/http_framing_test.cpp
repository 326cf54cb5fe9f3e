#include "http/framing.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

http_request request_with(std::vector<http_header> headers) {
    http_request request;
    request.method = "POST";
    set_target(request, "/");
    request.headers = std::move(headers);
    return request;
}

http_response response_with(unsigned status, std::vector<http_header> headers, std::string body = {}) {
    http_response response;
    response.status = status;
    response.headers = std::move(headers);
    response.body = std::move(body);
    return response;
}

} // namespace

TEST_SUITE("http framing") {
    TEST_CASE("path and query come from the target") {
        struct {
            std::string target, path, query;
        } const cases[] = {
            {"/", "/", ""},
            {"/a/b?c=d?e", "/a/b", "c=d?e"},
            {"/a?", "/a", ""},
            {"/a%3Fb", "/a%3Fb", ""},
            {"http://host/a?b", "/a", "b"},
            {"HTTPS://host:1", "/", ""},
            {"http://host?b", "/", "b"},
            {"*", "*", ""},
            {"", "", ""},
        };
        for (const auto& [target, path, query] : cases) {
            CAPTURE(target);
            http_request request;
            set_target(request, target);
            CHECK(request.target == target);
            CHECK(request.path == path);
            CHECK(request.query == query);
        }
    }

    TEST_CASE("one Host and one framing of the body are unambiguous") {
        CHECK(is_unambiguous(request_with({{"host", ""}}), false));
        CHECK(is_unambiguous(request_with({{"Host", "a"}, {"content-length", "0"}}), false));
        CHECK(is_unambiguous(request_with({{"Host", "a"}, {"transfer-encoding", "Chunked"}}), false));
        CHECK(is_unambiguous(request_with({}), true));
        CHECK(is_unambiguous(request_with({{"Content-Length", "12"}}), true));
    }

    TEST_CASE("two readings are one too many") {
        CHECK_FALSE(is_unambiguous(request_with({}), false));
        CHECK_FALSE(is_unambiguous(request_with({{"Host", "a"}, {"HOST", "a"}}), false));
        CHECK_FALSE(is_unambiguous(request_with({{"Host", "a"}, {"Content-Length", ""}}), false));
        CHECK_FALSE(is_unambiguous(request_with({{"Host", "a"}, {"Content-Length", "1, 1"}}), false));
        CHECK_FALSE(is_unambiguous(
            request_with({{"Host", "a"}, {"Content-Length", "1"}, {"content-length", "1"}}), false));
        CHECK_FALSE(
            is_unambiguous(request_with({{"Host", "a"}, {"Transfer-Encoding", "gzip, chunked"}}), false));
        CHECK_FALSE(is_unambiguous(
            request_with({{"Host", "a"}, {"Transfer-Encoding", "chunked"}, {"Content-Length", "1"}}), false));
        CHECK_FALSE(is_unambiguous(request_with({{"Host", "a"}, {"Transfer-Encoding", "chunked"}}), true));
    }

    TEST_CASE("OPTIONS alone may ask about the whole server") {
        http_request request = request_with({{"Host", "a"}});
        set_target(request, "*");
        CHECK_FALSE(is_unambiguous(request, false));
        request.method = "OPTIONS";
        CHECK(is_unambiguous(request, false));
    }

    TEST_CASE("an answer that would corrupt the stream is not sendable") {
        CHECK(is_sendable(response_with(200, {{"X-Text", "tab\t and \xc3\xa4"}, {"Empty", ""}})));
        for (const unsigned status : {0U, 100U, 199U, 600U})
            CHECK_FALSE(is_sendable(response_with(status, {})));
        for (const auto* name : {"", "A B", "A:", "A\n", "\xc3\xa4"})
            CHECK_FALSE(is_sendable(response_with(200, {{name, "x"}})));
        for (const auto* value : {"a\r", "a\nb", "\x01", "\x7f"})
            CHECK_FALSE(is_sendable(response_with(200, {{"X", value}})));
        CHECK_FALSE(is_sendable(response_with(200, {{"X", std::string(1, '\0')}})));
    }

    TEST_CASE("the head says how the message ends") {
        const http_response response = response_with(201, {{"X-A", "1"}, {"X-A", "2"}}, "body");
        CHECK(response_head(response, {.date = "now"})
              == "HTTP/1.1 201 Created\r\nX-A: 1\r\nX-A: 2\r\nDate: now\r\nContent-Length: 4\r\n\r\n");
        CHECK(response_head(response, {.close = true, .date = "now"})
                  .ends_with("\r\nConnection: close\r\n\r\n"));
        CHECK(response_head(response, {.http_1_0 = true, .date = "now"})
                  .ends_with("\r\nConnection: keep-alive\r\n\r\n"));
        CHECK(response_head(response, {.answers_head = true, .date = "now"}).find("Content-Length: 4\r\n")
              != std::string::npos);
        CHECK(carries_body(response, {}));
        CHECK_FALSE(carries_body(response, {.answers_head = true}));
    }

    TEST_CASE("the response cannot contradict its framing") {
        const http_response response = response_with(200, {{"content-length", "9"},
                                                           {"Connection", "upgrade"},
                                                           {"transfer-encoding", "chunked"},
                                                           {"date", "then"}});
        CHECK(response_head(response, {.date = "now"})
              == "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 0\r\n\r\n");
        for (const unsigned status : {204U, 304U}) {
            const http_response bare = response_with(status, {}, "text");
            CHECK(response_head(bare, {.date = "now"}).find("Content-Length") == std::string::npos);
            CHECK_FALSE(carries_body(bare, {}));
        }
    }

    TEST_CASE("the date is RFC 9110's, second by second") {
        date_header date;
        const std::chrono::system_clock::time_point then{784111777s};
        CHECK(date.at(then) == "Sun, 06 Nov 1994 08:49:37 GMT");
        CHECK(date.at(then + 999ms) == "Sun, 06 Nov 1994 08:49:37 GMT");
        CHECK(date.at(then + 1s) == "Sun, 06 Nov 1994 08:49:38 GMT");
        CHECK(date.at(then) == "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
