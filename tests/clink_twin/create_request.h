// The body of POST /checkout/session, read and validated as clink-api.md 2.1 to 2.3 has it. Unknown fields
// are ignored.
#pragma once

#include "json_access.h"
#include "model.h"

namespace clink_twin {

/// `strict` also refuses what Clink is only presumed to refuse: items that do not add up to the amount or
/// bear another currency, one of productId and priceId without the other, both modes at once, unknown payment
/// methods.
outcome<session_terms> read_create_request(const json_value& body, bool strict);

} // namespace clink_twin
