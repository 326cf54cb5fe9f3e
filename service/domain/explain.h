// What an order's record comes to, in plain sentences for whoever is on call and for accountants: what is
// known, on what evidence, what is open and what to do about it, and when Clink is asked next. A pure
// function of the record; no sentence holds a URL, a token or Clink's free text. Contract section 3, GET
// /v1/orders/{merchantOrderId}/explain.
#pragma once

#include "domain/order.h"

#include <optional>
#include <string>
#include <vector>

namespace checkout {

/// Whether Clink's ids of sessions that were never released may be named: such an id can be as good as a
/// page.
enum class unreleased_ids { hidden, shown };

struct explanation {
    std::vector<std::string> sentences;   ///< from the whole to the parts; amounts and times as in the order
    std::optional<instant> next_check_at; ///< of the session that is asked about first; nothing: none is
};

/// `order` with every attempt, its refunds and disputes; `open` its open discrepancies. Past and future are
/// told apart by order.read_at.
explanation explain(const order_record& order, const std::vector<discrepancy_record>& open,
                    unreleased_ids ids);

/// What an open discrepancy means and what to do about it.
std::string explain_discrepancy(const discrepancy_record& found);

} // namespace checkout
