// The twin's records as the control API shows them: Clink's own JSON and what only the twin knows.
#pragma once

#include "core.h"

namespace clink_twin {

/// The session as GET /api/checkout/session/{id} has it, with its page URL, the create call as received, and
/// its orders.
json_value session_view(const core& twin, const session& of);
/// The order as the API has it, with its refunds.
json_value order_view(const core& twin, const order& of);
json_value customers_view(core& twin);

/// How a test wants a payment made; throws control_error.
payment_choice read_payment_choice(const json_value& from);
refund_terms read_refund_terms(const json_value& from, const order& of);
dispute_terms read_dispute_terms(const json_value& from);

} // namespace clink_twin
