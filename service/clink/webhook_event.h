// What a webhook of Clink's says, as facts: a claim to be asked about, never an answer. Tolerant as wire.h;
// the two older envelopes are read, too. clink-api.md 5.1, 5.5, 5.6.
#pragma once

#include "domain/clink_facts.h"

#include <optional>
#include <string>
#include <string_view>

namespace checkout {

enum class webhook_subject {
    session,
    order,
    refund,
    dispute,
    other,        ///< in Clink's catalogue, and nothing to this service: subscriptions, invoices, agents …
    unrecognised, ///< not in the catalogue, or its object lacks what it must have
};

/// What the answer to `order.succeeded` copies (5.9).
struct account_claim {
    std::string customer_email;
    std::string amount; ///< the token as Clink wrote it, a valid JSON number
    std::string currency;
};

struct webhook_event {
    std::string id;   ///< Clink's; for an event without one "sha256:" and the body's digest in hex
    std::string type; ///< empty when it could not be read
    webhook_subject subject = webhook_subject::unrecognised;
    std::optional<instant> created;
    std::optional<session_facts> session; ///< exactly with webhook_subject::session, and so on
    std::optional<order_facts> order;
    std::optional<refund_facts> refund;
    std::optional<dispute_facts> dispute;
    std::optional<account_claim> account; ///< of order.succeeded, when it has all three

    /// Clink says here that somebody paid.
    bool claims_payment() const;
    std::optional<clink_session_id> session_id() const;
    std::optional<clink_order_id> order_id() const; ///< of a session's event or an order's
    std::optional<std::string> reference() const;
};

/// Never fails: what cannot be read is `unrecognised`.
webhook_event read_webhook_event(std::string_view body);

} // namespace checkout
