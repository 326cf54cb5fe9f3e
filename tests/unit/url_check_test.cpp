#include "http/url_check.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace checkout;

namespace {

web_url url_of(std::string_view text) {
    auto url = parse_web_url(text);
    REQUIRE_MESSAGE(url.has_value(), "refused: " << text);
    return std::move(*url);
}

url_fault fault_of(std::string_view text) {
    const auto url = parse_web_url(text);
    REQUIRE_MESSAGE(url.has_error(), "accepted: " << text);
    return url.error();
}

bool is_allowed(std::string_view text, std::string_view rule) {
    const std::array rules{parse_host_rule(rule).value()};
    return matches_any(url_of(text), rules);
}

} // namespace

TEST_CASE("url: a URL is taken apart") {
    const auto url = url_of("https://Shop.Example:8443/a/b?c=d#e");
    CHECK(url.https);
    CHECK(url.host == "shop.example");
    CHECK(url.port == 8443);
    CHECK(url.path == "/a/b");
    CHECK(url.has_query);
    CHECK(url.has_fragment);
}

TEST_CASE("url: the parts of a URL may be missing") {
    const auto url = url_of("HTTP://a");
    CHECK_FALSE(url.https);
    CHECK(url.host == "a");
    CHECK(url.port == std::nullopt);
    CHECK(url.effective_port() == 80);
    CHECK(url.path.empty());
    CHECK_FALSE(url.has_query);
    CHECK_FALSE(url.has_fragment);
    CHECK(url_of("https://a").effective_port() == 443);
    CHECK(url_of("https://a?b").has_query);
    CHECK(url_of("https://a#b?c").has_fragment);
    CHECK_FALSE(url_of("https://a#b?c").has_query);
}

TEST_CASE("url: hosts may be names and addresses") {
    CHECK(url_of("https://127.0.0.1/").host == "127.0.0.1");
    CHECK(url_of("https://[2001:DB8::1]:8080/").host == "2001:db8::1");
    CHECK(url_of("https://xn--bcher-kva.example/").host == "xn--bcher-kva.example");
    CHECK(url_of("https://a_b.example./").host == "a_b.example.");
}

TEST_CASE("url: placeholders of Clink's are let through") {
    CHECK(parse_web_url("https://shop.example/return?session_id={ELEMENTS_SESSION_ID}").has_value());
    CHECK(parse_web_url("https://shop.example/{ELEMENTS_SESSION_ID}").has_value());
    CHECK(fault_of("https://{ELEMENTS_SESSION_ID}/") == url_fault::bad_host);
}

TEST_CASE("url: only absolute http and https URLs") {
    for (const auto* text : {"", "/path", "//shop.example/", "shop.example", "ftp://a/",
                             "javascript:alert(1)", "https:/a", "https:a", "httpss://a", "data:text/html,x"})
        CHECK(fault_of(text) == url_fault::not_http);
}

TEST_CASE("url: a host is required and must be one") {
    for (const auto* text :
         {"https://", "https:///path", "https://?a", "https://#a", "https://:80/", "https://a..b/",
          "https://.a/", "https://[::1/", "https://[1.2.3.4]/", "https://[::1]a/", "https://a%41/"})
        CHECK(fault_of(text) == url_fault::bad_host);
    CHECK(fault_of("https://" + std::string(64, 'a') + "/") == url_fault::bad_host);
    CHECK(parse_web_url("https://" + std::string(63, 'a') + "/").has_value());
}

TEST_CASE("url: ports are numbers from 1 to 65535") {
    for (const auto* text : {"https://a:/", "https://a:0/", "https://a:65536/", "https://a:8x/",
                             "https://a:-1/", "https://a:+1/"})
        CHECK(fault_of(text) == url_fault::bad_port);
    CHECK(url_of("https://a:65535/").port == 65535);
}

TEST_CASE("url: user information is refused") {
    CHECK(fault_of("https://user@a/") == url_fault::has_user_info);
    CHECK(fault_of("https://user:password@a/") == url_fault::has_user_info);
    CHECK(fault_of("https://shop.example@evil.example/") == url_fault::has_user_info);
    CHECK(parse_web_url("https://a/b@c").has_value());
}

TEST_CASE("url: characters that browsers would reinterpret are refused") {
    for (const auto* text :
         {"https://a/ b", "https://a/\tb", "https://a/\nb", " https://a/", "https://a/ ", "https://a\\@b/",
          "https://a/\\b", "https://a/<b>", "https://a/\"", "https://a/\x7f", "https://a/\xc3\xa9",
          "https://a/%", "https://a/%4", "https://a/%zz"})
        CHECK(fault_of(text) == url_fault::forbidden_character);
    CHECK(fault_of(std::string("https://a/\0b", 12)) == url_fault::forbidden_character);
    CHECK(parse_web_url("https://a/%C3%A9").has_value());
}

TEST_CASE("url: a URL has at most 2048 bytes") {
    const std::string start = "https://shop.example/";
    CHECK(parse_web_url(start + std::string(2048 - start.size(), 'a')).has_value());
    CHECK(fault_of(start + std::string(2049 - start.size(), 'a')) == url_fault::too_long);
}

TEST_CASE("url: every fault has words") {
    for (const auto fault : {url_fault::too_long, url_fault::forbidden_character, url_fault::not_http,
                             url_fault::has_user_info, url_fault::bad_host, url_fault::bad_port})
        CHECK(to_string(fault).starts_with("must "));
}

TEST_CASE("url: loopback is told by the text alone") {
    for (const auto* host : {"localhost", "127.0.0.1", "127.255.0.9", "::1"})
        CHECK(is_loopback_host(host));
    for (const auto* host : {"127.evil.example", "127.0.0.1.evil.example", "localhost.evil.example",
                             "10.0.0.1", "128.0.0.1", "127.1", "::2", "0.0.0.0", ""})
        CHECK_FALSE(is_loopback_host(host));
}

TEST_CASE("url: a host rule names one host exactly") {
    CHECK(is_allowed("https://shop.example/thanks", "Shop.Example"));
    CHECK(is_allowed("https://SHOP.example/", "shop.example"));
    CHECK_FALSE(is_allowed("https://evil.example/", "shop.example"));
    CHECK_FALSE(is_allowed("https://a.shop.example/", "shop.example"));
    CHECK_FALSE(is_allowed("https://shop.example.evil.example/", "shop.example"));
    CHECK_FALSE(is_allowed("https://evil.example/?shop.example", "shop.example"));
    CHECK(is_allowed("http://[::1]:8080/", "[::1]"));
}

TEST_CASE("url: a host rule with a port allows that port alone") {
    CHECK(is_allowed("https://shop.example:8443/", "shop.example"));
    CHECK(is_allowed("https://shop.example:8443/", "shop.example:8443"));
    CHECK_FALSE(is_allowed("https://shop.example/", "shop.example:8443"));
    CHECK(is_allowed("https://shop.example/", "shop.example:443"));
    CHECK_FALSE(is_allowed("http://shop.example/", "shop.example:443"));
}

TEST_CASE("url: what is no host rule") {
    for (const auto* text :
         {"", "*.example", "https://a", "a/b", "a:0", "a:", "a:99999", "a b", "::1", "user@a"})
        CHECK_FALSE(parse_host_rule(text));
}

TEST_CASE("url: addresses to listen on") {
    for (const auto* text : {"0.0.0.0:8080", "127.0.0.1:0", "[::]:9090", "[::1]:65535", "localhost:80"})
        CHECK(is_listen_address(text));
    for (const auto* text : {"", "8080", ":8080", "0.0.0.0", "0.0.0.0:", "::1:80", "[::1]", "a:65536", "a:b"})
        CHECK_FALSE(is_listen_address(text));
}
