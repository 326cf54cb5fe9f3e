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

/// Clink's answers to one question about one session. An attempt whose session was never known learns its id
/// from `session`; there an empty id says that the session itself was not asked about.
struct clink_word {
    session_facts session;
    /// What is known of its orders; any status, other sessions' rows are ignored. Rows without a session
    /// count as the session's own when it names them, or when it has no id itself.
    std::vector<order_facts> orders;
};

/// New values of a session's row.
struct session_change {
    session_status status;
    payment_status payment;
    bool ended = false;   ///< Clink says so now and did not before
    bool settled = false; ///< the payment status changed, or the session ended: settled_by becomes the
                          ///< evidence (a first change of any kind sets it, too)
    std::optional<instant> expire_time;         ///< set when Clink names another than was recorded
    std::optional<clink_session_id> session_id; ///< set when it was not known before
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
    std::optional<attempt_id> attempt;
    std::map<std::string, std::string> detail;
};

/// Open discrepancies that are explained now: the subject's, or the order's, all or those of an attempt.
struct discrepancy_closing {
    discrepancy_kind kind;
    std::optional<attempt_id> attempt;
    std::optional<std::string> subject;
    std::string resolution;
};

struct settlement {
    attempt_id attempt;
    evidence source = evidence::refresh;
    bool asked_session = true;             ///< the attempt's session itself was the question
    std::optional<session_change> session; ///< nothing: the row stays as it is
    std::optional<instant> next_check;     ///< of the session, when it was asked about; set by the caller
    std::vector<payment_record> new_payments;
    std::vector<payment_record> known_payments; ///< stored rows about which more is known now
    std::vector<refund_record> refunds;         ///< new, or with a new status
    order_state state = order_state::unpaid;
    int payment_count = 0;
    int refund_count = 0;
    std::vector<event_draft> events;
    std::vector<discrepancy_draft> discrepancies;
    std::vector<discrepancy_closing> closings;

    /// False: Clink said nothing new, only the check itself is to be noted.
    bool changes() const {
        return session || !new_payments.empty() || !known_payments.empty() || !refunds.empty()
               || !closings.empty();
    }
};

/// What `word` about the session `attempt` of `order` changes. A paid session stays paid and an ended one
/// ended, whatever `word` says.
settlement settle(const order_record& order, const session_record& session, const clink_word& word,
                  evidence source);

/// What Clink's answer about a refund changes of the order that it belongs to, or that its reference names. A
/// refund that succeeded stays so.
settlement settle_refund(const order_record& order, const refund_facts& refund, evidence source);

/// The session as it is after `change`, for what is planned from it.
session_record after(session_record session, const settlement& change, instant now);

/// Whether an order of Clink's with that status was paid, refunded since or not.
bool was_paid(clink_order_status status);

/// How the amount paid compares with the amount asked (clink-api.md 9.2).
amount_verdict judge_amount(const money& asked, bool allow_promotion_codes, const payment_record& payment);

/// What the refunds on record of a payment amount to.
struct refund_total {
    decimal sum; ///< of those that Clink says succeeded, in the payment's currency
    /// Those in another currency, which do not count, and a sum past what was paid; about the payment's
    /// attempt. None while the payment's currency is unknown.
    std::vector<discrepancy_draft> discrepancies;
};
refund_total total_refunds(const std::vector<refund_record>& refunds, const payment_record& payment);

/// What discrepancies about an order of Clink's, a refund, or all of a payment's refunds are about.
std::string subject_of_order(const clink_order_id& order);
std::string subject_of_refund(const clink_refund_id& refund);
std::string subject_of_refunds(const payment_record& payment);

/// The first of the contract's states that holds.
order_state find_state(const order_record& order);

} // namespace checkout
