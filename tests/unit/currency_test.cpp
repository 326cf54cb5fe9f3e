#include "domain/currency.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace checkout;

TEST_CASE("currency: minor units as ISO 4217 has them") {
    const std::pair<const char*, int> examples[] = {
        {"USD", 2}, {"EUR", 2}, {"JPY", 0}, {"KRW", 0}, {"ISK", 0}, {"VND", 0},
        {"CLP", 0}, {"HUF", 2}, {"IDR", 2}, {"KWD", 3}, {"BHD", 3}, {"TND", 3},
        {"CLF", 4}, {"UYW", 4}, {"XOF", 0}, {"XCG", 2}, {"MRU", 2}, {"ZWG", 2}};
    for (const auto& [code, digits] : examples) {
        CAPTURE(code);
        CHECK(find_minor_digits(code) == digits);
    }
}

TEST_CASE("currency: what is no active currency with a minor unit is not found") {
    for (const char* code : {"XAU", "XAG", "XDR", "XTS", "XXX", "BGN", "HRK", "ANG", "CUC", "usd", "Usd",
                             "US", "USDX", "", "   ", "AAA", "ZZZ"}) {
        CAPTURE(code);
        CHECK_FALSE(find_minor_digits(code));
    }
}

TEST_CASE("currency: the table is complete, sorted and found again") {
    CHECK(currency_table().size() == 165);
    CHECK(std::ranges::is_sorted(currency_table(), {}, &currency_entry::code));
    for (const currency_entry& entry : currency_table()) {
        CAPTURE(std::string(entry.code));
        CHECK(find_minor_digits(entry.code) == entry.minor_digits);
        CHECK((entry.minor_digits == 0 || (entry.minor_digits >= 2 && entry.minor_digits <= 4)));
    }
}
