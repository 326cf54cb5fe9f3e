#include "json/json.h"

#include <doctest/doctest.h>

#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

using namespace checkout;

namespace {

std::string round_trip(std::string_view text) {
    return write_json(parse_json(text).value());
}

bool is_refused(std::string_view text) {
    return parse_json(text).has_error();
}

std::string number_token(std::string_view text) {
    const json_value value = parse_json(text).value();
    REQUIRE(value.if_number());
    return value.if_number()->token;
}

std::string nested_arrays(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

/// An object of `count` members whose names only differ at their end.
std::string wide_object(int count, std::string_view last_name) {
    std::string text = "{";
    for (int i = 0; i < count; ++i)
        text += "\"a_rather_long_common_beginning_" + std::to_string(i) + "\":0,";
    return text + '"' + std::string(last_name) + "\":0}";
}

} // namespace

TEST_CASE("json: a number keeps the token it was written as") {
    for (const char* token :
         {"0", "-0", "4.99", "4.990", "49.90", "1e3", "1E+3", "1.5e-7", "1e400", "-1e-400",
          "9223372036854775807", "9223372036854775808", "-9223372036854775808", "18446744073709551616",
          "999999999999999.99", "0.123456789012345678901234567890123456789",
          "123456789012345678901234567890.5"}) {
        CAPTURE(token);
        CHECK(number_token(token) == token);
        CHECK(round_trip("[" + std::string(token) + "]") == "[" + std::string(token) + "]");
        CHECK(number_token(std::string(token) + " \n") == token);
    }
    const std::string long_token = "0." + std::string(5000, '7');
    CHECK(number_token(long_token) == long_token);
}

TEST_CASE("json: what is no number token is refused") {
    for (const char* text : {"01", "-", "+1", ".5", "1.", "1e", "1e+", "0x10", "NaN", "Infinity", "1_0",
                             "--1", "1e99999999999"}) {
        CAPTURE(text);
        CHECK(is_refused(text));
    }
}

TEST_CASE("json: values of every kind come back as they were") {
    CHECK(round_trip(" { \"b\" : [ 1 , true , null , \"x\" ] ,\r\n\t\"a\":{ } , \"\":[] } ")
          == R"({"b":[1,true,null,"x"],"a":{},"":[]})");
    CHECK(parse_json("null").value().is_null());
    CHECK(*parse_json("false").value().if_bool() == false);
    CHECK(*parse_json("\"\"").value().if_string() == "");
    CHECK(parse_json("[[],[1],{}]").value()
          == json_value(json_array{json_array(), json_array{1}, json_object()}));
}

TEST_CASE("json: string escapes are decoded and only what must be is escaped again") {
    const json_value value = parse_json(R"("\u00e9\u20ac\ud83d\ude00\/\"\\\b\f\n\r\t\u0001\u007f")").value();
    REQUIRE(value.if_string());
    CHECK(*value.if_string() == "\u00e9\u20ac\U0001F600/\"\\\b\f\n\r\t\x01\x7f");
    CHECK(write_json(value) == "\"\u00e9\u20ac\U0001F600/\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\"");
    CHECK(write_json_string(std::string_view("\0\x1f", 2)) == R"("\u0000\u001f")");
    CHECK(*parse_json("{\"k\\u0065y\":1}").value().find("key") == json_value(1));
    const std::string long_text(100'000, 'x');
    CHECK(*parse_json('"' + long_text + R"(\n)" + long_text + '"').value().if_string()
          == long_text + '\n' + long_text);
}

TEST_CASE("json: text that is not JSON is refused") {
    for (const char* text : {"",
                             " ",
                             "{",
                             "[1",
                             "[1,]",
                             "{\"a\":1,}",
                             "{\"a\"}",
                             "{a:1}",
                             "{'a':1}",
                             "tru",
                             "nul",
                             "\"abc",
                             "\"\\x\"",
                             "\"\\u12\"",
                             "\"tab\tin it\"",
                             "// comment\n1",
                             "[1]]",
                             "1 2",
                             "{} {}",
                             "[1,,2]",
                             "\xEF\xBB\xBF{}"}) {
        CAPTURE(text);
        CHECK(is_refused(text));
    }
    CHECK(is_refused(std::string_view("1\0", 2)));
}

TEST_CASE("json: invalid UTF-8 and lone surrogates are refused") {
    for (const char* text : {"\"\xff\"", "\"\xc3\"", "\"\xc0\xaf\"", "\"\xe0\x80\xaf\"", "\"\xed\xa0\x80\"",
                             "\"\xf4\x90\x80\x80\"", "\"\x80\"", R"("\ud800")", R"("\ude00")",
                             R"("\ud800\u0041")", "{\"\xff\":1}"}) {
        CAPTURE(text);
        CHECK(is_refused(text));
    }
}

TEST_CASE("json: depth counts the root and is limited") {
    CHECK_FALSE(is_refused(nested_arrays(32)));
    CHECK(is_refused(nested_arrays(33)));
    CHECK_FALSE(parse_json("{\"a\":[1]}", 2).has_error());
    CHECK(parse_json("{\"a\":[{}]}", 2).has_error());
    CHECK_FALSE(parse_json("1", 0).has_error());
    CHECK(parse_json("[]", 0).has_error());
    CHECK(parse_json(nested_arrays(100'000)).has_error());
}

TEST_CASE("json: a key that comes twice in one object is refused and named") {
    const auto plain = parse_json(R"({"amount":1,"other":2,"amount":1})");
    REQUIRE(plain.has_error());
    CHECK(plain.error().message.find("\"amount\"") != std::string::npos);
    CHECK(is_refused(R"({"a":1,"\u0061":2})"));
    CHECK(is_refused(R"([{"x":{"a":1,"a":1}}])"));
    CHECK(is_refused(R"({"":1,"":2})"));
    CHECK_FALSE(is_refused(R"({"a":{"a":1},"A":[{"a":1},{"a":1}]})"));
}

TEST_CASE("json: a long repeated key is named by its beginning, cut between characters") {
    std::string key = "x";
    for (int i = 0; i < 100; ++i)
        key += "\u00e9";
    const auto refused = parse_json("{\"" + key + "\":1,\"" + key + "\":2}");
    REQUIRE(refused.has_error());
    CHECK(refused.error().message.size() < 150);
    CHECK_FALSE(parse_json(write_json_string(refused.error().message)).has_error());
}

TEST_CASE("json: a wide object is searched for repeated keys") {
    CHECK_FALSE(is_refused(wide_object(20'000, "last")));
    CHECK(is_refused(wide_object(20'000, "a_rather_long_common_beginning_0")));
}

TEST_CASE("json: errors tell where they are") {
    CHECK(parse_json("[1,x]").error().offset == 3);
    CHECK(parse_json("{\"a\":1} x").error().offset == 8);
    CHECK(parse_json("[1,2").error().offset == 4);
    CHECK(parse_json("[[[]]]", 2).error().offset == 2);
    CHECK(parse_json("  {\"a\":1,\"a\":2}  ").error().offset <= 15);
}

TEST_CASE("json: asking a failed result for its value throws") {
    CHECK_THROWS_AS(parse_json("[").value(), std::runtime_error);
}

TEST_CASE("json: values are made from C++ values of the same meaning") {
    CHECK(write_json(true) == "true");
    CHECK(write_json(0) == "0");
    CHECK(write_json("text") == "\"text\"");
    CHECK(write_json(std::string_view("view")) == "\"view\"");
    CHECK(write_json(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
    CHECK(write_json(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
    CHECK(write_json(nullptr) == "null");
    CHECK(write_json(json_number{"4.990"}) == "4.990");
    static_assert(!std::is_convertible_v<const int*, json_value>);
    static_assert(!std::is_convertible_v<double, json_value>);
}

TEST_CASE("json: members are found by name") {
    const json_value value = parse_json(R"({"a":1,"b":{"c":"d"}})").value();
    REQUIRE(value.find("b"));
    CHECK(*value.find("b")->find("c")->if_string() == "d");
    CHECK(value.find("c") == nullptr);
    CHECK(value.find("a")->find("a") == nullptr);
    CHECK(find_member(*value.if_object(), "a") == value.find("a"));
}

TEST_CASE("json: the canonical form sorts members at every level and keeps arrays and tokens") {
    const json_value value =
        parse_json(R"({"b":[{"z":1.50,"y":[]},2],"a":{"B":1,"a":2,"A":3},"é":0})").value();
    CHECK(write_canonical_json(value) == R"({"a":{"A":3,"B":1,"a":2},"b":[{"y":[],"z":1.50},2],"é":0})");
    CHECK(write_canonical_json(parse_json(R"({"x":1,"y":2})").value())
          == write_canonical_json(parse_json(R"({"y":2,"x":1})").value()));
}

TEST_CASE("json: pointers are escaped as RFC 6901 has it") {
    CHECK(append_pointer("", "a") == "/a");
    CHECK(append_pointer("/a", "") == "/a/");
    CHECK(append_pointer("/a", "m~n/o") == "/a/m~0n~1o");
    CHECK(append_pointer("", "~1") == "/~01");
}
