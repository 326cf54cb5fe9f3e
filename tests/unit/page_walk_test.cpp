#include "checkout/page_walk.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

using checkout::page_walk;

namespace {

using list = std::vector<int>;

/// What a walk sees of `rows` by pages of three; `change` may alter the list before each page after the
/// first.
std::set<int> walk(
    list rows, const std::function<void(list&, int page)>& change = [](list&, int) {}) {
    constexpr std::size_t size = 3;
    std::set<int> seen;
    page_walk pages(size);
    for (int asked = 0; !pages.done(); ++asked) {
        REQUIRE(asked < 100);
        if (asked > 0)
            change(rows, asked);
        const auto first = std::min(rows.size(), size * static_cast<std::size_t>(pages.page() - 1));
        const auto last = std::min(rows.size(), first + size);
        seen.insert(rows.begin() + static_cast<std::ptrdiff_t>(first),
                    rows.begin() + static_cast<std::ptrdiff_t>(last));
        pages.saw(last - first, static_cast<std::int64_t>(rows.size()));
    }
    return seen;
}

list numbers(int count) {
    list rows;
    for (int i = 1; i <= count; ++i)
        rows.push_back(i);
    return rows;
}

} // namespace

TEST_CASE("page walk: every row of a list that stands still, whatever its length") {
    for (int count = 0; count < 20; ++count)
        CHECK(walk(numbers(count)).size() == static_cast<std::size_t>(count));
}

TEST_CASE("page walk: rows that arrive at the head are no loss to those behind") {
    const auto seen = walk(numbers(10), [](list& rows, int asked) {
        if (asked < 5)
            rows.insert(rows.begin(), {-2 * asked, -2 * asked - 1});
    });
    for (const int row : numbers(10))
        CHECK(seen.contains(row));
}

TEST_CASE("page walk: when rows go, those that moved up are walked again") {
    for (int gone = 1; gone <= 7; ++gone) {
        CAPTURE(gone);
        const auto seen = walk(numbers(30), [&](list& rows, int asked) {
            if (asked == 4)
                rows.erase(rows.begin(), rows.begin() + gone);
        });
        for (const int row : numbers(30))
            CHECK(seen.contains(row));
    }
}

TEST_CASE("page walk: pages that are shorter than was asked for are no end of it") {
    page_walk capped(50);
    for (int page = 1; page <= 3; ++page) {
        CHECK(capped.page() == page);
        CHECK_FALSE(capped.done());
        capped.saw(20, 60);
    }
    CHECK(capped.done());

    page_walk uneven(50);
    for (const std::size_t rows : {10, 50, 3}) {
        CHECK_FALSE(uneven.done());
        uneven.saw(rows, 63);
    }
    CHECK(uneven.done());

    page_walk taken_up(50, 29);
    for (int page = 29; page <= 50; ++page) {
        CHECK_FALSE(taken_up.done());
        taken_up.saw(20, 1000);
    }
    CHECK(taken_up.done());
}

TEST_CASE("page walk: when rows of short pages go, the rest is walked all the same") {
    page_walk pages(50);
    for (int page = 1; page <= 3; ++page)
        pages.saw(20, 100);
    pages.saw(20, 80);
    CHECK(pages.page() == 3);
    pages.saw(20, 80);
    CHECK_FALSE(pages.done());
    pages.saw(20, 80);
    CHECK(pages.done());
}

TEST_CASE("page walk: an empty page is the end, whatever the list counts") {
    page_walk pages(50);
    pages.saw(50, 120);
    pages.saw(50, 120);
    CHECK_FALSE(pages.done());
    pages.saw(0, 120);
    CHECK(pages.done());
}

TEST_CASE("page walk: without a count a page that is not full is the last") {
    page_walk pages(50);
    pages.saw(50, std::nullopt);
    CHECK_FALSE(pages.done());
    pages.saw(49, std::nullopt);
    CHECK(pages.done());
    page_walk empty(50);
    empty.saw(0, std::nullopt);
    CHECK(empty.done());
}

TEST_CASE("page walk: one that is taken up begins where it was") {
    page_walk pages(50, 3);
    CHECK(pages.page() == 3);
    pages.saw(50, 160);
    CHECK(pages.page() == 4);
    CHECK_FALSE(pages.done());
    pages.saw(10, 160);
    CHECK(pages.done());
}
