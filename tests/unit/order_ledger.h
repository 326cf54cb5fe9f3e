// An order's rows in memory: applies settlements as the settlement store does to the database's, and knows
// the database's rules (migrations V1 and V2), so that a settlement which it would refuse is found without
// one.
#pragma once

#include "domain/settle.h"

#include <string>
#include <vector>

namespace checkout::test {

class order_ledger {
public:
    explicit order_ledger(order_record order) : order_(std::move(order)) {}

    const order_record& order() const { return order_; }
    /// The rule that the first wrong settlement broke; empty while none did.
    const std::string& broken_rule() const { return broken_rule_; }

    /// What the database's clock shows from now on.
    void set_clock(instant now) { order_.read_at = now; }
    /// All of it, as with the version unchanged; a settlement that changes nothing is only a check noted.
    void apply(const settlement& change);
    /// Clink did not answer about a session for so long that this is a discrepancy.
    void note_silence(const attempt_id& attempt);

    bool has_open(discrepancy_kind kind, const std::string& subject) const;
    /// describe_end of the rows as they are.
    std::string describe() const;

private:
    struct discrepancy_row {
        discrepancy_kind kind;
        std::string subject;
        attempt_id attempt;
        bool open = true;
    };

    void require(bool holds, const char* rule);
    session_record& find_session(const attempt_id& attempt);
    void write_session(const settlement& change);
    void write_new(payment_record payment, const settlement& change);
    void write_known(const payment_record& payment);
    void write_refund(refund_record refund);
    void open(const discrepancy_draft& draft);
    void close(const discrepancy_closing& closing);
    void check_order();
    void check_sessions();
    void check_payments();
    void check_refunds();
    std::string name_subject(const discrepancy_row& row) const;

    order_record order_;
    std::vector<discrepancy_row> discrepancies_;
    std::string broken_rule_;
};

/// What of a record must not depend on who heard of what when, one line for each thing; `open` are the open
/// discrepancies as "kind subject". Left out are whose hint it was, row numbers, events, and when anything
/// was found; of an attempt that was never released also what is only known if a webhook named its session.
std::string describe_end(const order_record& order, std::vector<std::string> open);

} // namespace checkout::test
