// Where the customer's browser goes after the hosted page (clink-api.md section 4).
#pragma once

#include "model.h"

#include <optional>
#include <string>
#include <string_view>

namespace clink_twin {

/// sessionId appended: with '?', or '&' where a query exists, before a fragment (4.1).
std::string append_session_id(std::string_view url, std::string_view session_id);

/// After a payment: successUrl with the session's id, or for elements returnUrl with its placeholder replaced
/// (4.3). Nothing when the merchant gave none, or gave something that is no http(s) URL.
std::optional<std::string> url_after_success(const session& of);

/// When the customer leaves: cancelUrl as it was given (4.2).
std::optional<std::string> url_after_leaving(const session& of);

} // namespace clink_twin
