// A create request that was accepted, written as a request again: the same terms in the plainest spelling.
#pragma once

#include "http/create_request.h"
#include "json/json.h"

namespace checkout {

/// Amounts as text with their currency's digits, every default spelled out.
json_value to_request_json(const create_request& request);

} // namespace checkout
