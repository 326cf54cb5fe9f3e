// The one door through which an outcome enters the record: a pure function from the stored order and Clink's
// answer to what changes. Redirects, refreshes, webhooks, the sweeper and operators all end here; none of
// them is believed, only what Clink answered is. Applied by compare-and-set on the order's version. Contract
// section 2, clink-api.md 9.2.
#pragma once

#include "domain/clink_facts.h"
#include "domain/order.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace checkout {

/// Clink's answers to one question about one session.
struct clink_word {
    session_facts session;
    std::vector<order_facts>
        orders; ///< what is known of its orders; any status, other sessions' rows are ignored
};

/// New values of a session's row.
struct session_change {
    session_status status;
    payment_status payment;
    bool ended = false;   ///< Clink says so now and did not before
    bool settled = false; ///< the payment status changed, or the session ended: settled_by becomes the
                          ///< evidence (a first change of any kind sets it, too)
    std::optional<instant> expire_time; ///< set when Clink names another than was recorded
};

/// An event to be written; `data` is flat text.
struct event_draft {
    std::string kind;
    std::optional<attempt_id> attempt;
    std::map<std::string, std::string> data;
};

struct discrepancy_draft {
    discrepancy_kind kind;
    std::string subject; ///< what it is about; one row per kind and subject
    attempt_id attempt;
    std::map<std::string, std::string> detail;
};

struct settlement {
    attempt_id attempt;
    evidence source = evidence::refresh;
    std::optional<session_change> session; ///< nothing: the row stays as it is
    std::vector<payment_record> new_payments;
    std::vector<payment_record> known_payments; ///< stored rows about which more is known now
    order_state state = order_state::unpaid;
    int payment_count = 0;
    std::vector<event_draft> events;
    std::vector<discrepancy_draft> discrepancies;

    /// False: Clink said nothing new, only the check itself is to be noted.
    bool changes() const { return session || !new_payments.empty() || !known_payments.empty(); }
};

/// What `word` about the session `attempt` of `order` changes. A paid session stays paid and an ended one
/// ended, whatever `word` says.
settlement settle(const order_record& order, const session_record& session, const clink_word& word,
                  evidence source);

/// How the amount paid compares with the amount asked (clink-api.md 9.2).
amount_verdict judge_amount(const money& asked, bool allow_promotion_codes, const payment_record& payment,
                            const std::optional<decimal>& items_total);

/// The first of the contract's states that holds.
order_state find_state(const order_record& order);

} // namespace checkout
