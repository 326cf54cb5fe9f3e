// The record of an order as the database keeps it: its attempts, its payments and what each state is called.
// Plain values; the rules that change them are create_decision.h and settle.h. Contract section 2.
#pragma once

#include "domain/ids.h"
#include "domain/instant.h"
#include "domain/money.h"
#include "domain/terms.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

enum class session_status { creating, refused, dark, open, completed, expired };
enum class payment_status { unpaid, processing, paid };
enum class order_state {
    unpaid,
    processing,
    cancelled,
    paid,
    underpaid,
    overpaid,
    partially_refunded,
    refunded
};
enum class amount_verdict { exact, converted, discounted, surcharged, over, short_paid, unknown };
enum class payment_kind { payment, renewal };
/// How much of a payment went back, as the status of Clink's order says; it only ever grows.
enum class refund_extent { none, partial, full };
/// By Clink's word; `unknown` for a spelling that this service does not know.
enum class refund_status { created, refunding, received, success, failed, closed, unknown };
enum class dispute_status { pending, processing, won, lost, withdrawn, unknown };
/// Whose hint led to the question whose answer settled a session.
enum class evidence { redirect, refresh, webhook, sweeper, reconcile, operator_action };
enum class discrepancy_kind {
    duplicate_payment,
    amount_mismatch,
    currency_mismatch,
    paid_after_expiry,
    paid_after_cancel,
    paid_on_superseded,
    paid_on_dark_session,
    reference_mismatch,
    orphan_event,
    stuck_unknown,
    refund_without_payment,
    missing_at_clink,
    refund_unrecorded
};

/// The spelling used on the wire and in the database: "short" for short_paid, "operator" for operator_action.
std::string_view to_string(session_status value);
std::string_view to_string(payment_status value);
std::string_view to_string(order_state value);
std::string_view to_string(amount_verdict value);
std::string_view to_string(payment_kind value);
std::string_view to_string(refund_extent value);
std::string_view to_string(refund_status value);
std::string_view to_string(dispute_status value);
std::string_view to_string(evidence value);
std::string_view to_string(discrepancy_kind value);

std::span<const discrepancy_kind> all_discrepancy_kinds();

/// The value of that spelling; nothing for another text. T is one of the enumerations above.
template <class T>
std::optional<T> find_value(std::string_view text);

/// An attempt to have a session at Clink, and what became of it.
struct session_record {
    attempt_id id;
    int attempt = 0;
    session_status status = session_status::creating;
    payment_status payment = payment_status::unpaid;
    std::int64_t generation = 0;
    bool lease_expired = false; ///< by the database's clock, when read; false unless creating
    money original;
    ui_mode mode = ui_mode::hosted_page;
    bool allow_promotion_codes = false;
    std::optional<std::string> success_url; ///< the storefront's own
    std::optional<std::string> cancel_url;
    recorded_terms terms;
    std::string terms_fingerprint;
    std::optional<clink_session_id> session_id;
    std::optional<std::string> url;
    std::optional<std::string> customer_id;
    std::optional<instant> expire_time;
    std::optional<std::string> refusal_code;
    std::optional<std::string> refusal_message;
    std::optional<instant> released_at;
    std::optional<instant> superseded_at;
    std::optional<instant> ended_at;
    std::optional<instant> cancel_visited_at;
    std::optional<evidence> settled_by;
    std::optional<instant> checked_at;
    std::optional<instant> next_check_at; ///< nothing: the sweeper will not ask again
    int failed_checks = 0;                ///< questions in a row that Clink did not answer
    std::optional<instant> stuck_at;      ///< since when its silence is a discrepancy
    instant created_at{};

    bool released() const { return released_at.has_value(); }
    /// Released, not superseded, and Clink has not said that it ended: what a customer may be about to pay.
    bool current() const { return released_at && !superseded_at && !ended_at; }
};

struct payment_record {
    std::int64_t id = 0; ///< 0: not stored yet
    attempt_id attempt;
    payment_kind kind = payment_kind::payment;
    std::optional<clink_order_id> order_id; ///< Clink's
    amount_verdict verdict = amount_verdict::unknown;
    money original; ///< what the attempt asked for
    std::optional<decimal> amount_total;
    std::optional<decimal> amount_subtotal;
    std::optional<std::string> payment_currency;
    std::optional<std::string> clink_original_currency;
    std::optional<decimal> items_total; ///< what Clink lists as bought, in clink_original_currency
    decimal refunded_amount;            ///< in payment_currency; of the refunds that Clink says succeeded
    refund_extent clink_refunds = refund_extent::none;
    std::optional<std::string> subscription_id;
    std::optional<std::string> invoice_id;
    std::optional<instant> payment_time;
    evidence found_by = evidence::refresh;
    instant recorded_at{};
};

/// A refund of Clink's, whoever asked for it.
struct refund_record {
    std::int64_t id = 0; ///< 0: not stored yet
    clink_refund_id clink_id;
    clink_order_id order_id;             ///< Clink's order that was refunded
    std::optional<std::int64_t> payment; ///< nothing: no payment of that order is on record
    std::optional<std::string> refund_merchant_order_id;
    refund_status status = refund_status::unknown;
    std::optional<decimal> amount;
    std::optional<std::string> currency;
    std::optional<std::string> reason;
    std::optional<std::string> failure_code;
    std::optional<instant> refund_time; ///< when Clink made it
    evidence found_by = evidence::webhook;
    instant recorded_at{};
};

/// A dispute as the newest of its webhooks says.
struct dispute_record {
    std::int64_t id = 0;
    clink_dispute_id clink_id;
    std::optional<clink_order_id> order_id;
    dispute_status status = dispute_status::unknown;
    std::optional<decimal> amount;
    std::optional<std::string> currency;
    std::optional<std::string> reason_code;
    std::optional<std::string> reason;
    std::optional<instant> evidence_deadline;
    instant said_at{}; ///< when Clink made the event
    instant recorded_at{};
};

struct discrepancy_record {
    std::int64_t id = 0;
    discrepancy_kind kind = discrepancy_kind::orphan_event;
    instant opened_at{};
    std::vector<std::pair<std::string, std::string>> detail;
};

struct order_record {
    order_key key{};
    merchant_order_id id;
    std::int64_t version = 0;
    order_state state = order_state::unpaid;
    int last_attempt = 0;
    int payment_count = 0; ///< renewals apart
    int refund_count = 0;
    std::optional<instant> cancelled_at;
    instant created_at{};
    instant updated_at{};
    instant read_at{};                    ///< the database's clock when this was read
    std::vector<session_record> sessions; ///< by attempt, ascending
    std::vector<payment_record> payments; ///< by id, ascending
    std::vector<refund_record> refunds;   ///< by id, ascending
    std::vector<dispute_record> disputes; ///< by id, ascending; read for the whole order alone

    const session_record* find_session(const attempt_id& id) const;
    const session_record* find_session(const clink_session_id& id) const;
    const session_record* find_creating() const;
    const session_record* find_current() const;
};

/// Clink says that money may be on its way: processing, or completed without having been paid. A session that
/// was never released counts, too.
bool may_be_paying(const session_record& session);

/// Its handle was never handed out and will not be.
bool is_unreleased(const session_record& session);

/// A payment of that order of Clink's is on record.
bool is_recorded(const order_record& order, const clink_order_id& id);

/// What was paid in this session, its id and its amount included, is known.
bool knows_payments(const order_record& order, const attempt_id& attempt);

/// Clink will not change its mind about a refund with this status.
bool is_final(refund_status status);

/// True for the verdicts that count as paid in full (contract section 2, `paid: true`).
bool is_paid_in_full(amount_verdict verdict);

} // namespace checkout
