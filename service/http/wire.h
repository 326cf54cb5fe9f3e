// Domain values as the API's JSON (openapi.yaml, components/schemas). Every shape that leaves the service is
// here.
#pragma once

#include "checkout/checkout_creator.h"
#include "checkout/session_settler.h"
#include "domain/order.h"
#include "storage/discrepancy_store.h"
#include "storage/order_store.h"
#include "json/json.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

/// What a caller may see of attempts that were never released (contract section 3, GET session).
enum class visibility { storefront, everything };

json_value to_json_page(const merchant_order_id& order, const session_record& session); ///< CheckoutSession
json_value to_json_session(const order_record& order, const session_record& session);   ///< RecordedSession
json_value to_json_outcome(const session_outcome& outcome);                             ///< SessionOutcome
json_value to_json_order(const order_record& order, const std::vector<discrepancy_record>& open,
                         visibility seen);
json_value to_json_explanation(const order_record& order, const std::vector<discrepancy_record>& open,
                               visibility seen);       ///< Explanation
json_value to_json_terms(const recorded_terms& terms); ///< Terms
json_value to_json_event(const event_record& event, visibility seen);
json_value to_json_line(const discrepancy_line& line); ///< Discrepancy
json_object to_json_items(json_array items, std::optional<std::string> next_cursor);

/// What a redirect says of a session: paid, processing, unpaid or expired.
std::string_view redirect_status(const session_outcome& outcome);

} // namespace checkout
