#include "clink/base_url.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace checkout;

TEST_CASE("clink base url: a base URL is taken apart") {
    const auto plain = parse_base_url("https://uat-api.clinkbill.com/api");
    CHECK(plain.tls);
    CHECK(plain.host == "uat-api.clinkbill.com");
    CHECK(plain.port == "443");
    CHECK(plain.host_header == "uat-api.clinkbill.com");
    CHECK(plain.path == "/api");

    const auto local = parse_base_url("http://[::1]:8081/api/");
    CHECK_FALSE(local.tls);
    CHECK(local.host == "::1");
    CHECK(local.port == "8081");
    CHECK(local.host_header == "[::1]:8081");
    CHECK(local.path == "/api");

    CHECK(parse_base_url("HTTP://127.0.0.1").path.empty());
    CHECK(parse_base_url("http://127.0.0.1:80/").host_header == "127.0.0.1");
}

TEST_CASE("clink base url: a base URL that cannot be used is refused") {
    for (const std::string url :
         {"", "clinkbill.com/api", "ftp://clinkbill.com", "https://", "https:///api",
          "https://u:p@clinkbill.com", "https://clinkbill.com/api?x=1", "https://clinkbill.com/#x",
          "https://clinkbill.com:0/", "https://clinkbill.com:99999/", "https://clinkbill .com/"})
        CHECK_THROWS_AS_MESSAGE(parse_base_url(url), std::runtime_error, url);
}
