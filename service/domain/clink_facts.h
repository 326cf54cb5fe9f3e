// What Clink says, in the service's words: the answers of its API after parsing, before any decision. No
// field is trusted here; absent and null are the same. Source of every field: clink-api.md 2.5, 3.2, 5.6.
#pragma once

#include "domain/decimal.h"
#include "domain/ids.h"
#include "domain/instant.h"
#include "domain/order.h"

#include <optional>
#include <string>
#include <vector>

namespace checkout {

/// A session's status by Clink's word; `unrecognised` for a spelling this service does not know.
enum class clink_session_status { open, completed, expired, unrecognised };
enum class clink_payment_status { unpaid, processing, paid, unrecognised };
enum class clink_order_status {
    created,
    pending,
    requires_action,
    success,
    failed,
    partially_refunded,
    refunded,
    unrecognised
};
enum class clink_order_type { onetime, recurring, unrecognised };

/// Answer to a create (2.5).
struct created_session {
    clink_session_id session_id;
    std::optional<std::string> url;
    std::optional<std::string> customer_id;
    std::optional<decimal> original_amount;       ///< echo; nothing when absent or not a number
    std::optional<std::string> original_currency; ///< echo
    std::optional<std::string> merchant_reference_id;
    std::optional<instant> expire_time;
};

/// Answer to a session's GET (3.2).
struct session_facts {
    clink_session_id session_id;
    clink_session_status status = clink_session_status::unrecognised;
    clink_payment_status payment_status = clink_payment_status::unrecognised;
    std::optional<clink_order_id> order_id;
    std::optional<std::string> merchant_reference_id; ///< "null" and blank read as absent (5.6)
    std::optional<std::string> checkout_attempt_id;   ///< metadata.checkoutAttemptId
    std::optional<std::string> customer_id;
    std::optional<decimal> amount_subtotal;
    std::optional<decimal> amount_total;
    std::optional<std::string> payment_currency;
    std::optional<std::string> original_currency;
    std::optional<decimal>
        items_total; ///< sum of unitAmount × quantity; nothing without items or when one is unreadable
    std::optional<std::string> subscription_id;
    std::optional<std::string> invoice_id;
    std::optional<instant> expire_time;
};

/// An order of Clink's: a payment attempt (5.6).
struct order_facts {
    clink_order_id order_id;
    clink_order_type type = clink_order_type::unrecognised;
    clink_order_status status = clink_order_status::unrecognised;
    std::optional<clink_session_id> session_id;
    std::optional<std::string> merchant_reference_id; ///< "null" and blank read as absent
    std::optional<std::string> checkout_attempt_id;
    std::optional<decimal> amount_subtotal;
    std::optional<decimal> amount_total;
    std::optional<std::string> payment_currency;
    std::optional<std::string> original_currency;
    std::optional<decimal> items_total;
    std::optional<std::string> subscription_id;
    std::optional<std::string> invoice_id;
    std::optional<std::string> failure_code;
    std::optional<instant> payment_time;
};

/// One page of an order list (1.4).
struct order_page {
    std::vector<order_facts> orders;
    std::optional<std::int64_t> total; ///< over all pages, as Clink counts
};

/// A refund of Clink's, as GET and webhooks give it (5.6).
struct refund_facts {
    clink_refund_id refund_id;
    clink_order_id order_id;
    refund_status status = refund_status::unknown;
    std::optional<std::string> refund_merchant_order_id;
    std::optional<decimal> amount;
    std::optional<std::string> currency;
    std::optional<std::string> reason;
    std::optional<std::string> failure_code;
    std::optional<instant> create_time;
};

/// A dispute, known from webhooks alone (5.6, 6).
struct dispute_facts {
    clink_dispute_id dispute_id;
    std::optional<clink_order_id> order_id;
    std::optional<std::string> merchant_reference_id;
    dispute_status status = dispute_status::unknown;
    std::optional<decimal> amount;
    std::optional<std::string> currency;
    std::optional<std::string> reason_code;
    std::optional<std::string> reason;
    std::optional<instant> evidence_deadline;
};

} // namespace checkout
