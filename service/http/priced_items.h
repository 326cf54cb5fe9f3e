// Money in a create request: currency, amounts and priceDataList. Amounts are read from the text as it was
// written and refused, never rounded, when they have more digits than their currency.
#pragma once

#include "domain/decimal.h"
#include "domain/terms.h"
#include "http/field_reader.h"

#include <optional>
#include <string>
#include <vector>

namespace checkout {

inline constexpr std::size_t max_items = 100;           ///< lines of one order
inline constexpr std::size_t max_item_name_bytes = 500; ///< a line of a checkout page
inline constexpr int max_quantity = 2'147'483'647;      ///< of one item: Clink's int32

/// The currency in which a request counts.
struct request_currency {
    std::string code; ///< of ISO 4217
    int minor_digits = 0;
};
std::optional<request_currency> read_currency(const field& in);

/// More than zero; a JSON number or a decimal string, without exponent, of at most 15 integer digits and at
/// most the currency's fraction digits, which cannot be checked while the currency is not known.
std::optional<decimal> read_amount(const field& in, const std::optional<request_currency>& currency);

struct priced_items {
    std::vector<line_item> items;
    bool readable = true; ///< every unitAmount and quantity
};
/// An item's currency must be the request's, and is filled in with it.
priced_items read_items(const field& in, const std::optional<request_currency>& currency);

/// The sum of unitAmount × quantity; nothing when it has more than 15 integer digits.
std::optional<decimal> total_of(const std::vector<line_item>& items);

} // namespace checkout
