#include "domain/decimal.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace checkout;

namespace {

decimal dec(std::string_view text) {
    const auto value = decimal::parse(text);
    REQUIRE_MESSAGE(value, std::string(text));
    return *value;
}

std::string shown(const std::optional<decimal>& value) {
    return value ? value->to_string() : "nothing";
}

const std::string largest = "999999999999999.999999999999999999";

} // namespace

TEST_CASE("decimal: plain text is read exactly and written shortest") {
    const std::pair<const char*, const char*> examples[] = {{"0", "0"},
                                                            {"-0", "0"},
                                                            {"-0.00", "0"},
                                                            {"49.90", "49.9"},
                                                            {"49.9", "49.9"},
                                                            {"500", "500"},
                                                            {"1.250", "1.25"},
                                                            {"-0.5", "-0.5"},
                                                            {"0.05", "0.05"},
                                                            {"100.00", "100"},
                                                            {"120", "120"},
                                                            {"999999999999999", "999999999999999"},
                                                            {"0.000000000000000001", "0.000000000000000001"},
                                                            {"4.9900000000000000000000000000", "4.99"},
                                                            {"-12.340", "-12.34"}};
    for (const auto& [text, written] : examples) {
        CAPTURE(text);
        CHECK(shown(decimal::parse(text)) == written);
        CHECK(shown(decimal::parse_lenient(text)) == written);
    }
    CHECK(dec(largest).to_string() == largest);
    CHECK(dec("-" + largest).to_string() == "-" + largest);
}

TEST_CASE("decimal: text of another form is refused") {
    for (const char* text : {"",    ".",   "-",     "1.",   ".5",  "+1",  "01",    "00",  "-01", "1e",
                             "1e+", "e1",  "1.e1",  " 1",   "1 ",  "1,5", "1.2.3", "0x1", "--1", "1-",
                             "NaN", "inf", "1e1.5", "1e 1", "\t1", "٣",   "1'000", "1_0"}) {
        CAPTURE(text);
        CHECK_FALSE(decimal::parse(text));
        CHECK_FALSE(decimal::parse_lenient(text));
    }
    CHECK_FALSE(decimal::parse(std::string_view("1\0", 2)));
    CHECK_FALSE(decimal::parse_lenient(std::string_view("1\0", 2)));
}

TEST_CASE("decimal: what does not fit is refused, not rounded") {
    for (const char* text :
         {"1000000000000000", "-1000000000000000", "1000000000000000.5", "0.0000000000000000001",
          "1.0000000000000000001", "9999999999999999999999999999999999999999999999"}) {
        CAPTURE(text);
        CHECK_FALSE(decimal::parse(text));
        CHECK_FALSE(decimal::parse_lenient(text));
    }
}

TEST_CASE("decimal: only lenient reading takes an exponent, and applies it exactly") {
    const std::pair<const char*, const char*> examples[] = {{"1e3", "1000"},
                                                            {"1E+3", "1000"},
                                                            {"4.99E0", "4.99"},
                                                            {"4.99e1", "49.9"},
                                                            {"499e-2", "4.99"},
                                                            {"-5e-1", "-0.5"},
                                                            {"1e14", "100000000000000"},
                                                            {"1e15", "nothing"},
                                                            {"1e-18", "0.000000000000000001"},
                                                            {"1e-19", "nothing"},
                                                            {"10e-19", "0.000000000000000001"},
                                                            {"0.001e17", "100000000000000"},
                                                            {"1000e-21", "0.000000000000000001"},
                                                            {"1e400", "nothing"},
                                                            {"1e-30", "nothing"},
                                                            {"0e999999999999999999999999", "0"},
                                                            {"-0.0e-99999", "0"},
                                                            {"1e99999999999999999999999", "nothing"},
                                                            {"1e-99999999999999999999999", "nothing"},
                                                            {"1e00003", "1000"}};
    for (const auto& [text, written] : examples) {
        CAPTURE(text);
        CHECK(shown(decimal::parse_lenient(text)) == written);
        CHECK_FALSE(decimal::parse(text));
    }
    CHECK(shown(decimal::parse_lenient("0." + std::string(500, '0') + "5e500")) == "0.5");
    CHECK(shown(decimal::parse_lenient("5" + std::string(500, '0') + "e-500")) == "5");
}

TEST_CASE("decimal: written with the digits of a currency") {
    CHECK(dec("49.9").to_string(2) == "49.90");
    CHECK(dec("500").to_string(0) == "500");
    CHECK(dec("1.25").to_string(3) == "1.250");
    CHECK(dec("0").to_string(2) == "0.00");
    CHECK(dec("-0.5").to_string(2) == "-0.50");
    CHECK(dec("0.005").to_string(2) == "0.005");
    CHECK(dec("100").to_string(2) == "100.00");
}

TEST_CASE("decimal: knows how many digits it needs") {
    CHECK(dec("49.90").needed_scale() == 1);
    CHECK(dec("49.99").needed_scale() == 2);
    CHECK(dec("500.000").needed_scale() == 0);
    CHECK(dec("0").needed_scale() == 0);
    CHECK(dec(largest).needed_scale() == 18);
}

TEST_CASE("decimal: comparison is numeric") {
    CHECK(dec("49.9") == dec("49.90"));
    CHECK(dec("20") == dec("20.00"));
    CHECK(dec("-0") == decimal());
    const std::vector<std::string> ascending = {"-" + largest,
                                                "-999999999999999",
                                                "-1",
                                                "-0.5",
                                                "-0.05",
                                                "0",
                                                "0.000000000000000001",
                                                "0.05",
                                                "0.5",
                                                "1",
                                                "9.99",
                                                "10",
                                                "999999999999999",
                                                largest};
    for (std::size_t i = 0; i < ascending.size(); ++i)
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            CAPTURE(ascending[i]);
            CAPTURE(ascending[j]);
            CHECK((dec(ascending[i]) <=> dec(ascending[j])) == (i <=> j));
            CHECK((dec(ascending[i]) == dec(ascending[j])) == (i == j));
        }
}

TEST_CASE("decimal: signs") {
    CHECK(dec("-0.01").is_negative());
    CHECK_FALSE(dec("0.01").is_negative());
    CHECK_FALSE(dec("-0").is_negative());
    CHECK(dec("-0.000").is_zero());
    CHECK_FALSE(dec("0.001").is_zero());
}

TEST_CASE("decimal: sums and differences are exact") {
    CHECK(shown(decimal::add(dec("0.1"), dec("0.2"))) == "0.3");
    CHECK(shown(decimal::add(dec("49.95"), dec("0.05"))) == "50");
    CHECK(shown(decimal::add(dec("999999999999998"), dec("0.000000000000000001")))
          == "999999999999998.000000000000000001");
    CHECK(shown(decimal::subtract(dec("1"), dec("0.999999999999999999"))) == "0.000000000000000001");
    CHECK(shown(decimal::subtract(dec("5"), dec("5.00"))) == "0");
    CHECK(shown(decimal::subtract(dec("0"), dec("1.5"))) == "-1.5");
}

TEST_CASE("decimal: results that do not fit are nothing") {
    CHECK_FALSE(decimal::add(dec(largest), dec("0.000000000000000001")));
    CHECK_FALSE(decimal::add(dec(largest), dec(largest)));
    CHECK_FALSE(decimal::subtract(dec("-" + largest), dec("1")));
    CHECK_FALSE(decimal::multiply(dec("1"), 1'000'000'000'000'000));
    CHECK_FALSE(decimal::multiply(dec(largest), std::numeric_limits<std::int64_t>::max()));
    CHECK_FALSE(decimal::multiply(dec("-" + largest), std::numeric_limits<std::int64_t>::max()));
    CHECK_FALSE(decimal::multiply(dec(largest), std::numeric_limits<std::int64_t>::min()));
}

TEST_CASE("decimal: products are exact") {
    CHECK(shown(decimal::multiply(dec("0.1"), 3)) == "0.3");
    CHECK(shown(decimal::multiply(dec("19.99"), 100)) == "1999");
    CHECK(shown(decimal::multiply(dec("1.25"), 0)) == "0");
    CHECK(shown(decimal::multiply(dec("1.25"), -2)) == "-2.5");
    CHECK(shown(decimal::multiply(dec("0.000000000000000001"), 999'999'999'999'999'999))
          == "0.999999999999999999");
    CHECK(shown(decimal::multiply(dec("499999999999999.5"), 2)) == "999999999999999");
}

TEST_CASE("decimal: from an integer") {
    CHECK(decimal::from_integer(0) == decimal());
    CHECK(decimal::from_integer(-120).to_string() == "-120");
    CHECK(decimal::from_integer(999'999'999'999'999).to_string() == "999999999999999");
    CHECK_THROWS_AS(decimal::from_integer(1'000'000'000'000'000), std::out_of_range);
    CHECK_THROWS_AS(decimal::from_integer(std::numeric_limits<std::int64_t>::min()), std::out_of_range);
}
