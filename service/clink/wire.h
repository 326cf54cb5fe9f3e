// Clink's answers as facts: the only reader of Clink's field names. Tolerant: unknown fields and spellings do
// not disturb, what cannot be read is absent; only without its identifier is an answer none. Page tokens are
// never read.
#pragma once

#include "domain/clink_facts.h"
#include "domain/terms.h"
#include "json/json.h"

#include <optional>

namespace checkout {

/// `data` of a create's answer (2.5). Nothing without a session id, nor without a url for a hosted page.
std::optional<created_session> read_created_session(const json_value& data, ui_mode mode);

/// A session as GET and webhooks send it (3.2). Nothing without a session id.
std::optional<session_facts> read_session_facts(const json_value& object);

/// An order as GET, list and webhooks send it (5.6). Nothing without an order id.
std::optional<order_facts> read_order_facts(const json_value& object);

/// A whole list answer, its rows at the top level (1.4). Nothing without rows (unless total is 0) or when one
/// row cannot be read, because a row passed over could be a payment passed over.
std::optional<order_page> read_order_page(const json_value& envelope);

/// A refund as GET and webhooks send it (5.6). Nothing without a refund id and an order id.
std::optional<refund_facts> read_refund_facts(const json_value& object);

/// A dispute as webhooks send it (5.6). Nothing without its id.
std::optional<dispute_facts> read_dispute_facts(const json_value& object);

} // namespace checkout
