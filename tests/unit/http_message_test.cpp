#include "crypto/encoding.h"
#include "http/message.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace checkout;

namespace {

using strings = std::vector<std::string>;
using parameters = std::vector<std::pair<std::string, std::string>>;

} // namespace

TEST_SUITE("http message") {
    TEST_CASE("headers are found whatever their case, the first of a name") {
        http_request request;
        request.headers = {{"X-Request-ID", "1"}, {"x-request-id", "2"}, {"Empty", ""}};
        CHECK(request.header("x-REQUEST-id") == "1");
        CHECK(request.header("empty") == "");
        CHECK_FALSE(request.header("X-Request-I"));
        CHECK_FALSE(request.header("X-Request-ID2"));
    }

    TEST_CASE("setting a header replaces all of its name") {
        http_response response;
        response.headers = {{"Allow", "GET"}, {"Vary", "Accept"}, {"allow", "POST"}};
        response.set("ALLOW", "PUT");
        CHECK(response.headers == std::vector<http_header>{{"Vary", "Accept"}, {"ALLOW", "PUT"}});
        response.set("Allow", *response.header("Allow"));
        CHECK(response.header("allow") == "PUT");
    }

    TEST_CASE("a path is split before it is decoded") {
        CHECK(split_path("/v1/orders/a%2Fb") == strings{"v1", "orders", "a/b"});
        CHECK(split_path("/") == strings{});
        CHECK(split_path("") == strings{});
        CHECK(split_path("/a//b/") == strings{"a", "", "b", ""});
        CHECK(split_path("//") == strings{"", ""});
        CHECK(split_path("/a+b") == strings{"a+b"});
        CHECK(split_path("/%2e%2E/%c3%a4%FF") == strings{"..", "\xc3\xa4\xff"});
        CHECK(split_path("/a%00b") == strings{std::string("a\0b", 3)});
        CHECK(split_path("/%2541") == strings{"%41"});
    }

    TEST_CASE("a malformed escape makes the path malformed") {
        for (const auto* path : {"/%", "/a%4", "/%4g", "/%g4", "/ok/%zz/ok", "/%%41", "/%4/1"}) {
            CAPTURE(path);
            CHECK_FALSE(split_path(path));
        }
    }

    TEST_CASE("a query is its parameters in order") {
        CHECK(parse_query("") == parameters{});
        CHECK(parse_query("a=1&b=2&a=3") == parameters{{"a", "1"}, {"b", "2"}, {"a", "3"}});
        CHECK(parse_query("a=b=c&d&=e&&f=") == parameters{{"a", "b=c"}, {"d", ""}, {"", "e"}, {"f", ""}});
        CHECK(parse_query("a+b=c%20d%2B&%26=%3D") == parameters{{"a b", "c d+"}, {"&", "="}});
        CHECK(parse_query("a?b=/") == parameters{{"a?b", "/"}});
        CHECK_FALSE(parse_query("a=%"));
        CHECK_FALSE(parse_query("a=1&%4=2"));
    }

    TEST_CASE("percent-encoding keeps the unreserved characters only, and decodes to the same bytes") {
        CHECK(percent_encode("AZaz09-._~") == "AZaz09-._~");
        CHECK(percent_encode("a b/c?d%+&=\xc3\xa4") == "a%20b%2Fc%3Fd%25%2B%26%3D%C3%A4");
        std::string all;
        for (int byte = 0; byte < 256; ++byte)
            all += static_cast<char>(byte);
        CHECK(split_path(std::string("/") + percent_encode(all)) == strings{all});
        CHECK(parse_query(std::string("k=") + percent_encode(all)) == parameters{{"k", all}});
    }
}
