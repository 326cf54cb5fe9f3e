// A census of one order: what Clink and the record say of its payments, side by side. Pure; what differs
// becomes discrepancies, each under a subject of its own so that a second census finds the same ones.
#pragma once

#include "domain/clink_facts.h"
#include "domain/order.h"
#include "domain/settle.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

enum class census_result {
    matched,           ///< Clink has the payment, with the same amount
    duplicate,         ///< likewise, and it is not the order's first
    differing,         ///< Clink has it, and says otherwise
    missing,           ///< Clink does not have it
    unknown,           ///< Clink has a payment that the record has not
    missing_session,   ///< Clink does not have the session
    refund_unrecorded, ///< Clink says refunded, and no refund on record explains it
    not_answered
};
std::string_view to_string(census_result result);
std::optional<census_result> find_census_result(std::string_view text);

struct census_line {
    census_result result = census_result::not_answered;
    std::optional<std::string> currency; ///< of `amount`
    decimal amount;                      ///< what the record says, of `unknown` what Clink says
};

/// What Clink said of an order on record.
struct census_answers {
    bool listed = false;             ///< its list by reference is whole
    bool unreachable = false;        ///< neither that nor a session was answered: the rest was not asked
    std::vector<order_facts> orders; ///< from the list or asked for alone, each once
    std::set<clink_order_id> absent_orders;
    std::set<clink_session_id> absent_sessions;
    std::set<clink_session_id> silent_sessions;
};

struct order_census {
    std::vector<census_line> lines;
    std::vector<discrepancy_draft> found;
    std::vector<discrepancy_closing> explained;

    bool answered() const;
};

/// `order` is as it stands after everything in `said` was settled.
order_census take_census(const order_record& order, const census_answers& said);

} // namespace checkout
