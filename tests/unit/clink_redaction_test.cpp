#include "clink/redaction.h"

#include <doctest/doctest.h>

using namespace checkout;

TEST_CASE("clink redaction: a number that is the key is redacted too") {
    CHECK(sanitise_body(*parse_json(R"({"a":7001,"b":7})"), "7001") == R"({"a":"[redacted]","b":7})");
}

TEST_CASE("clink redaction: messages are one line of valid UTF-8 and at most 500 bytes") {
    CHECK(clean_message(" a\r\nb\tc\x7F ", "") == "a  b c");
    CHECK(clean_message("a\xFF\xC0\x80z", "") == "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
    CHECK(clean_message("\xED\xA0\x80", "") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    CHECK(clean_message(std::string_view("a\0b", 3), "") == "a b");
    CHECK(clean_message("\xF0\x9F\x8D\xB5 tea", "") == "\xF0\x9F\x8D\xB5 tea");
    CHECK(clean_message("tea \xF0\x9F\x8D", "").starts_with("tea \xEF\xBF\xBD"));
    CHECK(clean_message("   ", "").empty());

    std::string long_text(499, 'x');
    long_text += "\xC3\xA9";
    CHECK(clean_message(long_text, "") == std::string(499, 'x'));
    CHECK(clean_message(std::string(498, 'x') + "\xC3\xA9" + "tail", "")
          == std::string(498, 'x') + "\xC3\xA9");
}

TEST_CASE("clink redaction: a sanitised body has no page token and no url, at any depth, in any case") {
    const auto body =
        parse_json(R"({"data":{"sessionId":"s","TOKEN":"t","tokenvalue":"t","Url":"u","tokens":1,
        "cancelUrl":"c","checkoutUrl":"u","hostedCheckoutURL":"u",
        "list":[{"url":"u","amount":4.990,"imageUrl":"i"}]},"url":{"x":1},"code":200})");
    CHECK(sanitise_body(*body, "")
          == R"({"data":{"sessionId":"s","tokens":1,"list":[{"amount":4.990,"imageUrl":"i"}]},"code":200})");
}

TEST_CASE("clink redaction: a sanitised body holds nothing that jsonb refuses") {
    const auto body = parse_json(
        "{\"a\\u0000\":\"b\\u0000c\",\"n\":1e9999,\"m\":1e999,\"l\":" + std::string(200, '1') + "}");
    REQUIRE(body.has_value());
    CHECK(sanitise_body(*body, "")
          == "{\"a\xEF\xBF\xBD\":\"b\xEF\xBF\xBD"
             "c\",\"n\":\"1e9999\",\"m\":1e999,\"l\":\""
                 + std::string(200, '1') + "\"}");
}

TEST_CASE("clink redaction: a sanitised body is bounded") {
    const auto fits = sanitise_body(std::string(max_sanitised_bytes - 2, 'x'), "");
    CHECK(fits.size() == max_sanitised_bytes);
    const auto note = parse_json(sanitise_body(std::string(max_sanitised_bytes - 1, 'x'), ""));
    REQUIRE(note.has_value());
    CHECK(note->find("omitted"));
    CHECK(note->find("bytes")->if_number()->token == std::to_string(max_sanitised_bytes + 1));
}
