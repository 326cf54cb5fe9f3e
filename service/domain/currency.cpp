#include "domain/currency.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace checkout {

namespace {

constexpr currency_entry table[] = {
#include "domain/currency_table.inc"
};

static_assert(std::ranges::adjacent_find(table, std::ranges::greater_equal(), &currency_entry::code)
                  == std::end(table),
              "find_minor_digits searches by halves, so the codes must rise");

} // namespace

std::span<const currency_entry> currency_table() {
    return table;
}

std::optional<int> find_minor_digits(std::string_view code) {
    const auto found = std::ranges::lower_bound(table, code, {}, &currency_entry::code);
    if (found == std::end(table) || found->code != code)
        return std::nullopt;
    return found->minor_digits;
}

} // namespace checkout
