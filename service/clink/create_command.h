// What is sent to create a session, and its JSON text.
#pragma once

#include "domain/ids.h"
#include "domain/terms.h"
#include "observe/call_context.h"

#include <optional>
#include <string>

namespace checkout {

/// The terms and the service's own additions.
struct create_command {
    merchant_order_id order_id; ///< merchantReferenceId
    attempt_id attempt;         ///< metadata.checkoutAttemptId
    checkout_terms terms;
    std::optional<std::string> success_url; ///< as Clink shall have it (wrapped or the caller's)
    std::optional<std::string> cancel_url;
    call_context context; ///< in whose name
};

/// The body of POST /checkout/session (clink-api.md 2.1, 2.2). Only what is set is in it; amounts are plain
/// decimal number tokens; `terms.extra` follows byte for byte; the caller's metadata cannot displace
/// checkoutAttemptId.
std::string write_create_body(const create_command& command);

} // namespace checkout
