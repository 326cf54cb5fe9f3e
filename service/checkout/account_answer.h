// The body with which order.succeeded is acknowledged: which account of the merchant the payment was for.
// clink-api.md 5.9.
#pragma once

#include "clink/webhook_event.h"
#include "domain/order.h"

#include <optional>
#include <string>

namespace checkout {

/// userId is the merchant's name for the customer, else Clink's; nothing when neither is known. The amount is
/// the event's token.
std::optional<std::string> write_account_answer(const account_claim& claim, const std::string& website,
                                                const session_record& session);

} // namespace checkout
