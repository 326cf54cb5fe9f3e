#include "http/query_reader.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;

namespace {

std::vector<std::string> pointers(query_reader& query) {
    const auto wrong = query.finish();
    std::vector<std::string> found;
    if (wrong)
        for (const auto& error : wrong->errors)
            found.push_back(error.pointer);
    return found;
}

} // namespace

TEST_CASE("a query is read whole, and everything wrong in it is named") {
    query_reader good("limit=10&from=2026-11-01&to=2026-11-02T00:00:00%2B01:00");
    CHECK(good.limit() == 10);
    CHECK(good.instant_or_date("from") == parse_date("2026-11-01"));
    CHECK(good.instant_or_date("to") == parse_rfc3339("2026-11-01T23:00:00Z"));
    CHECK(pointers(good).empty());

    query_reader bad("limit=0&from=yesterday&form=2026-11-01");
    bad.limit();
    bad.instant_or_date("from");
    CHECK(pointers(bad) == std::vector<std::string>{"/limit", "/from", "/form"});

    query_reader twice("limit=1&limit=2");
    twice.limit();
    CHECK(pointers(twice) == std::vector<std::string>{"/limit"});

    for (const char* text : {"limit=1001", "limit=-1", "limit=", "limit=1x"}) {
        query_reader query(text);
        query.limit();
        CHECK(pointers(query) == std::vector<std::string>{"/limit"});
    }
    query_reader malformed("limit=%zz");
    CHECK(pointers(malformed).size() == 1);
}

TEST_CASE("a cursor comes back as it went out, and another list's is refused") {
    const auto cursor = write_cursor('r', {1795262400000000, 7});
    CHECK(read_cursor('r', 2, cursor) == std::vector<std::int64_t>{1795262400000000, 7});
    CHECK_FALSE(read_cursor('p', 2, cursor));
    CHECK_FALSE(read_cursor('r', 1, cursor));
    CHECK_FALSE(read_cursor('r', 2, "not a cursor"));
    CHECK_FALSE(read_cursor('r', 2, ""));
    CHECK_FALSE(read_cursor('r', 2, std::string(513, 'A')));
}
