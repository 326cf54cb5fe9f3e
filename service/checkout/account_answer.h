// The body with which order.succeeded is acknowledged: which account of the merchant the payment was for.
// clink-api.md 5.9.
#pragma once

#include "clink/webhook_event.h"
#include "domain/order.h"

#include <optional>
#include <string>

namespace checkout {

/// userId is the merchant's name for the customer of that session, else Clink's; of a session that is not
/// known, the one that all the order's attempts have. Nothing when there is none. The amount is the event's
/// token.
std::optional<std::string> write_account_answer(const account_claim& claim, const std::string& website,
                                                const order_record& order,
                                                const std::optional<clink_session_id>& session);

} // namespace checkout
