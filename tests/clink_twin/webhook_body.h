// What a webhook says and how it is signed (clink-api.md 5.3, 5.5, 5.6), and what its answer should say
// (5.9).
#pragma once

#include "clink_json.h"
#include "settings.h"

#include <string>
#include <string_view>

namespace clink_twin {

/// The event's `data.object` as the options have it, overrides included.
json_value event_object(const event& of, const webhook_settings& options, const override_book& overrides);

/// The whole body.
std::string event_body(const std::string& event_id, const std::string& type, instant created,
                       json_value object, const webhook_settings& options);

/// X-Clink-Timestamp for a delivery at `at`.
std::string delivery_timestamp(instant at, const webhook_settings& options);

/// X-Clink-Signature: lower-case hex HMAC-SHA256 over timestamp, '.', body.
std::string sign_body(std::string_view secret, std::string_view timestamp, std::string_view body);

/// Judges the answer to order.succeeded: "valid", "absent", or what is wrong with it.
std::string check_account_response(const std::string& answer, const std::string& event_body);

} // namespace clink_twin
