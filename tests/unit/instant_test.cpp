#include "domain/instant.h"

#include <doctest/doctest.h>

#include <string>

using namespace checkout;

namespace {

std::string read(std::string_view text) {
    const auto at = parse_rfc3339(text);
    return at ? to_rfc3339_micros(*at) : "nothing";
}

instant from_micros(std::int64_t count) {
    return instant(std::chrono::microseconds(count));
}

} // namespace

TEST_CASE("instant: written in UTC with milliseconds or microseconds, cut and not rounded") {
    CHECK(to_rfc3339(from_micros(0)) == "1970-01-01T00:00:00.000Z");
    CHECK(to_rfc3339(from_micros(1'790'000'000'123'999)) == "2026-09-21T14:13:20.123Z");
    CHECK(to_rfc3339_micros(from_micros(1'790'000'000'123'999)) == "2026-09-21T14:13:20.123999Z");
    CHECK(to_rfc3339_micros(from_micros(1'790'000'000'000'007)) == "2026-09-21T14:13:20.000007Z");
    CHECK(to_rfc3339(from_micros(-1)) == "1969-12-31T23:59:59.999Z");
    CHECK(to_rfc3339_micros(from_micros(-1)) == "1969-12-31T23:59:59.999999Z");
}

TEST_CASE("instant: RFC 3339 text is read exactly") {
    const std::pair<const char*, const char*> examples[] = {
        {"2026-11-21T08:53:53.123Z", "2026-11-21T08:53:53.123000Z"},
        {"2023-11-07T05:31:56Z", "2023-11-07T05:31:56.000000Z"},
        {"2026-11-21t08:53:53z", "2026-11-21T08:53:53.000000Z"},
        {"2026-11-21T08:53:53.1Z", "2026-11-21T08:53:53.100000Z"},
        {"2026-11-21T08:53:53.1234569999Z", "2026-11-21T08:53:53.123456Z"},
        {"2026-11-21T08:53:53+02:00", "2026-11-21T06:53:53.000000Z"},
        {"2026-11-21T23:30:00-05:30", "2026-11-22T05:00:00.000000Z"},
        {"2026-11-21T08:53:53-00:00", "2026-11-21T08:53:53.000000Z"},
        {"2026-01-01T00:00:00+00:01", "2025-12-31T23:59:00.000000Z"},
        {"2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000000Z"},
        {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000Z"},
        {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"},
        {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"},
        {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000Z"}};
    for (const auto& [text, read_as] : examples) {
        CAPTURE(text);
        CHECK(read(text) == read_as);
    }
    CHECK(parse_rfc3339("2026-09-21T14:13:20.123999Z") == from_micros(1'790'000'000'123'999));
}

TEST_CASE("instant: a leap second is the last microsecond of its UTC day") {
    CHECK(read("2016-12-31T23:59:60Z") == "2016-12-31T23:59:59.999999Z");
    CHECK(read("2016-12-31T23:59:60.5Z") == "2016-12-31T23:59:59.999999Z");
    CHECK(read("2016-12-31T15:59:60-08:00") == "2016-12-31T23:59:59.999999Z");
    CHECK(read("2016-12-31T12:00:60Z") == "nothing");
    CHECK(read("2016-12-31T23:59:60+01:00") == "nothing");
    CHECK(read("2016-12-31T23:59:61Z") == "nothing");
}

TEST_CASE("instant: text that is malformed or names no real time is refused") {
    for (const char* text : {"",
                             "2026-11-21",
                             "2026-11-21T08:53:53",
                             "2026-11-21T08:53Z",
                             "2026-11-21 08:53:53Z",
                             "2026-02-30T00:00:00Z",
                             "2025-02-29T00:00:00Z",
                             "1900-02-29T00:00:00Z",
                             "2026-04-31T00:00:00Z",
                             "2026-00-10T00:00:00Z",
                             "2026-13-01T00:00:00Z",
                             "2026-01-00T00:00:00Z",
                             "2026-01-32T00:00:00Z",
                             "2026-11-21T24:00:00Z",
                             "2026-11-21T23:60:00Z",
                             "2026-11-21T08:53:53.Z",
                             "2026-11-21T08:53:53,5Z",
                             "2026-11-21T08:53:53+0200",
                             "2026-11-21T08:53:53+02",
                             "2026-11-21T08:53:53+24:00",
                             "2026-11-21T08:53:53+02:60",
                             "2026-11-21T08:53:53ZZ",
                             "2026-11-21T08:53:53Z ",
                             " 2026-11-21T08:53:53Z",
                             "26-11-21T08:53:53Z",
                             "2026-1-21T08:53:53Z",
                             "+2026-11-21T08:53:53Z",
                             "-001-11-21T08:53:53Z",
                             "2026-11-21T8:53:53Z",
                             "2026-11-21T08:53:53 Z",
                             "2026/11/21T08:53:53Z",
                             "2026-11-21T08:53:5xZ"}) {
        CAPTURE(text);
        CHECK(read(text) == "nothing");
    }
}

TEST_CASE("instant: a date is its day's start in UTC") {
    CHECK(parse_date("2026-11-21") == parse_rfc3339("2026-11-21T00:00:00Z"));
    CHECK(parse_date("1970-01-01") == from_micros(0));
    for (const char* text : {"", "2026-11", "2026-11-21T", "2026-11-21 ", "2026-02-30", "2025-02-29",
                             "2026-11-1", "20261121", "2026-11-21Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_date(text));
    }
}

TEST_CASE("instant: what is written is read back") {
    for (const std::int64_t count : {0L, -1L, 1L, 1'790'000'000'123'456L, -62'135'596'800'000'000L}) {
        CAPTURE(count);
        CHECK(parse_rfc3339(to_rfc3339_micros(from_micros(count))) == from_micros(count));
    }
}

TEST_CASE("instant: a day is named by its distance from today") {
    const auto now = parse_rfc3339("2026-11-21T23:59:59.999999Z").value();
    CHECK(parse_relative_day("today", now) == parse_date("2026-11-21"));
    CHECK(parse_relative_day("today-0", now) == parse_date("2026-11-21"));
    CHECK(parse_relative_day("today-1", now) == parse_date("2026-11-20"));
    CHECK(parse_relative_day("today-325", now) == parse_date("2025-12-31"));
    for (const auto* text :
         {"", "toda", "Today", "today-", "today+1", "today--1", "today-1x", "today- 1", "today-123456"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_relative_day(text, now));
    }
}
