// Bends Clink's JSON the ways that Clink itself, or a broken one, may: shared by API faults and webhook
// options.
#pragma once

#include "json_access.h"

namespace clink_twin {

/// Every amount (a member whose name ends in "mount" or begins with "amount") as a decimal string, with two
/// digits.
void stringify_amounts(json_value& tree);
void scale_amounts(json_value& tree, const decimal& factor);
void null_amounts(json_value& tree);
/// Every "originalCurrency" and "paymentCurrency" that is not null.
void replace_currencies(json_value& tree, const std::string& currency);
/// "open" is "OPEN", "completed" is "Complete", "paid" is "Paid", "success" is "SUCCESS"...
void respell_statuses(json_value& tree);
void replace_text(json_value& tree, std::string_view name, const json_value& with);
/// Unknown members in every object, one of them nested.
void add_unknown_members(json_value& tree);

} // namespace clink_twin
