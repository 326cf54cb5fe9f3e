#include "http/row_cursor.h"

#include "crypto/digest.h"

#include <doctest/doctest.h>

#include <limits>

using namespace checkout;

namespace {

constexpr std::string_view uuid = "019a1fdd-040f-7c21-8431-68a58eda93ff";

instant at(std::string_view text) {
    return parse_rfc3339(text).value();
}

/// A cursor with that text in it.
bool is_read(char kind, const std::string& text) {
    return read_row_cursor(kind, to_base64url(text)).has_value();
}

} // namespace

TEST_CASE("row cursor: it comes back as it went out") {
    struct {
        char kind;
        report_position place;
    } const cases[] = {
        {'r', {at("2026-11-21T08:53:53.123456Z"), "1"}},
        {'p', {at("1970-01-01T00:00:00Z"), "999999999999999999"}},
        {'p', {at("1969-12-31T23:59:59.999999Z"), "7"}},
        {'f', {at("0001-01-01T00:00:00Z"), "0"}},
        {'f', {at("9999-12-31T23:59:59.999999Z"), "12"}},
        {'s', {at("2026-11-21T08:53:53.123456Z"), std::string(uuid)}},
    };
    for (const auto& [kind, place] : cases) {
        const auto cursor = write_row_cursor(kind, place);
        CAPTURE(cursor);
        CHECK(cursor.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
              == std::string::npos);
        const auto read = read_row_cursor(kind, cursor);
        REQUIRE(read);
        CHECK(read->at == place.at);
        CHECK(read->id == place.id);
    }
}

TEST_CASE("row cursor: another list's, or another order's, is refused") {
    for (const char kind : {'r', 'p', 's', 'f'}) {
        const auto cursor =
            write_row_cursor(kind, {at("2026-11-21T08:53:53Z"), kind == 's' ? std::string(uuid) : "12"});
        for (const char other : {'r', 'p', 's', 'f'})
            CHECK(read_row_cursor(other, cursor).has_value() == (other == kind));
    }
}

TEST_CASE("row cursor: its id is of the kind that the list has") {
    CHECK(is_read('r', "r.1.12"));
    CHECK(is_read('s', "s.1." + std::string(uuid)));
    CHECK_FALSE(is_read('s', "s.1.12"));
    CHECK_FALSE(is_read('r', "r.1." + std::string(uuid)));
    for (const std::string id : {"", "-1", "+1", " 1", "1 ", "1.2", "0x1", "1e3", "12'; drop table orders",
                                 "1000000000000000000", "9223372036854775808"})
        CHECK_FALSE(is_read('f', "f.1." + id));
    for (const std::string id :
         {"019A1FDD-040F-7C21-8431-68A58EDA93FF", "019a1fdd040f7c21843168a58eda93ff",
          "019a1fdd-040f-7c21-8431-68a58eda93f", "019a1fdd-040f-7c21-8431-68a58eda93ff0",
          "019a1fdd-040f-7c21-8431-68a58eda93fg", "{19a1fdd-040f-7c21-8431-68a58eda93f}",
          "019a1fdd0-40f-7c21-8431-68a58eda93ff"})
        CHECK_FALSE(is_read('s', "s.1." + id));
}

TEST_CASE("row cursor: what is none is refused, whatever it is") {
    for (const std::string text : {"", "r", "r.", "r.1", "r.1.", "r..1", "r.x.1", "r.1x.1", "r. 1.1", "r1.1",
                                   "rr.1.1", ".1.1", "r.1-1", "r,1,1"})
        CHECK_FALSE(is_read('r', text));
    for (const std::string cursor : {"not a cursor", "ci4xLjE=", "ci4xLj E", "ci4xLjE%3D", "\xff"})
        CHECK_FALSE(read_row_cursor('r', cursor));
    CHECK_FALSE(is_read('r', std::string("r.1.1\0", 6)));
    CHECK_FALSE(read_row_cursor('r', std::string(257, 'A')));
    CHECK_FALSE(is_read('r', "r.1." + std::string(10'000, '1')));
}

TEST_CASE("row cursor: a time that the database does not have is refused") {
    for (const auto micros :
         {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
        CHECK_FALSE(is_read('r', "r." + std::to_string(micros) + ".1"));
    CHECK_FALSE(is_read('r', "r.9223372036854775808.1"));
    CHECK_FALSE(is_read('r', "r.99999999999999999999999999.1"));
}
