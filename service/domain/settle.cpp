#include "domain/settle.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>

namespace checkout {

namespace {

/// A paid session stays completed and one that was expired, or has ended, does not open again; an attempt
/// that was never released keeps saying so.
session_status advance(session_status stored, clink_session_status said, payment_status payment, bool ended) {
    switch (stored) {
    case session_status::creating:
    case session_status::refused:
    case session_status::dark:
        return stored;
    case session_status::completed:
        if (payment == payment_status::paid)
            return stored;
        break;
    case session_status::open:
    case session_status::expired:
        break;
    }
    switch (said) {
    case clink_session_status::completed:
        return session_status::completed;
    case clink_session_status::expired:
        return session_status::expired;
    case clink_session_status::open:
        return stored == session_status::expired || ended ? stored : session_status::open;
    case clink_session_status::unrecognised:
        return stored;
    }
    return stored;
}

payment_status advance(payment_status stored, clink_payment_status said, bool has_payment) {
    if (stored == payment_status::paid || has_payment)
        return payment_status::paid;
    switch (said) {
    case clink_payment_status::paid:
        return payment_status::paid;
    case clink_payment_status::processing:
        return payment_status::processing;
    case clink_payment_status::unpaid:
        return payment_status::unpaid;
    case clink_payment_status::unrecognised:
        return stored;
    }
    return stored;
}

bool has_ended(session_status status, payment_status payment) {
    const bool over = status == session_status::completed || status == session_status::expired;
    return (over && payment == payment_status::paid)
           || (status == session_status::expired && payment == payment_status::unpaid);
}

refund_extent extent_of(clink_order_status status) {
    switch (status) {
    case clink_order_status::partially_refunded:
        return refund_extent::partial;
    case clink_order_status::refunded:
        return refund_extent::full;
    case clink_order_status::success:
    case clink_order_status::created:
    case clink_order_status::pending:
    case clink_order_status::requires_action:
    case clink_order_status::failed:
    case clink_order_status::unrecognised:
        return refund_extent::none;
    }
    return refund_extent::none;
}

/// From a session or from an order of Clink's: they name what they share alike.
template <class Facts>
payment_record payment_from(const Facts& facts) {
    payment_record payment;
    payment.order_id = facts.order_id;
    payment.amount_total = facts.amount_total;
    payment.amount_subtotal = facts.amount_subtotal;
    payment.payment_currency = facts.payment_currency;
    payment.clink_original_currency = facts.original_currency;
    payment.items_total = facts.items_total;
    payment.subscription_id = facts.subscription_id;
    payment.invoice_id = facts.invoice_id;
    if constexpr (requires { facts.payment_time; }) {
        payment.payment_time = facts.payment_time;
        payment.clink_refunds = extent_of(facts.status);
    }
    return payment;
}

bool is_mismatch(amount_verdict verdict) {
    return verdict == amount_verdict::short_paid || verdict == amount_verdict::over;
}

std::string describe(const std::optional<decimal>& amount, const std::optional<std::string>& currency) {
    return (amount ? amount->to_string() : "unknown") + " " + currency.value_or("?");
}

/// Takes from `found` what `known` lacks; true when anything was learned. What is known never changes.
bool learn(payment_record& known, const payment_record& found) {
    bool learned = false;
    const auto take = [&learned](auto& mine, const auto& theirs) {
        if (!mine && theirs) {
            mine = theirs;
            learned = true;
        }
    };
    take(known.order_id, found.order_id);
    take(known.amount_total, found.amount_total);
    take(known.amount_subtotal, found.amount_subtotal);
    take(known.payment_currency, found.payment_currency);
    take(known.clink_original_currency, found.clink_original_currency);
    take(known.items_total, found.items_total);
    take(known.subscription_id, found.subscription_id);
    take(known.invoice_id, found.invoice_id);
    take(known.payment_time, found.payment_time);
    if (found.clink_refunds > known.clink_refunds) {
        known.clink_refunds = found.clink_refunds;
        learned = true;
    }
    return learned;
}

/// Oldest payment first, whatever order Clink lists them in: the first one of a subscription is the order's
/// payment.
std::vector<order_facts> by_time(std::vector<order_facts> orders) {
    std::ranges::sort(orders, [](const order_facts& a, const order_facts& b) {
        if (a.payment_time && b.payment_time && *a.payment_time != *b.payment_time)
            return *a.payment_time < *b.payment_time;
        if (a.payment_time.has_value() != b.payment_time.has_value())
            return a.payment_time.has_value();
        return a.order_id < b.order_id;
    });
    return orders;
}

/// One settlement in the making: the order as it will be, and what is written to get there.
class settling {
public:
    settling(const order_record& order, const session_record& session, const clink_word& word,
             evidence source)
        : after_(order),
          session_(session),
          word_(word),
          state_before_(order.state) {
        out_.attempt = session.id;
        out_.source = source;
        if (!word.session.session_id.empty())
            said_id_ = word.session.session_id;
    }

    settlement run() {
        check_reference();
        find_payments();
        list_payments();
        move_session();
        out_.payment_count = after_.payment_count;
        out_.refund_count = after_.refund_count;
        out_.state = find_state(after_);
        check_duplicates();
        close_explained();
        return std::move(out_);
    }

private:
    void check_reference() {
        const auto& reference = word_.session.merchant_reference_id;
        if (reference && *reference != after_.id.str())
            open(discrepancy_kind::reference_mismatch, "attempt:" + session_.id.str(),
                 {{"clinkReference", *reference}});
    }

    bool is_ours(const order_facts& facts) const {
        if (facts.session_id)
            return (session_.session_id ? session_.session_id : said_id_) == facts.session_id;
        return !said_id_ || word_.session.order_id == facts.order_id
               || facts.checkout_attempt_id == session_.id.str();
    }

    bool says_paid() const { return word_.session.payment_status == clink_payment_status::paid; }

    /// The session names what paid it; while it is not paid it may name a try that failed.
    bool names_payment() const { return says_paid() && word_.session.order_id; }

    /// A recurring order that the session does not name, or names when another has paid it before.
    bool may_renew(const order_facts& facts) const {
        return facts.type == clink_order_type::recurring
               && (word_.session.order_id != facts.order_id || knows_other_payment(facts.order_id));
    }

    void find_payments() {
        for (const auto& facts : by_time(word_.orders)) {
            if (!was_paid(facts.status) || !is_ours(facts))
                continue;
            auto found = payment_from(facts);
            if (!found.items_total)
                found.items_total = word_.session.items_total;
            if (says_paid() && word_.session.order_id == facts.order_id)
                learn(found, payment_from(word_.session));
            add(std::move(found), may_renew(facts));
        }
        if (says_paid() && is_credible_payment())
            add(payment_from(word_.session), false);
        for (auto& payment : after_.payments)
            if (payment.attempt == session_.id && payment.kind == payment_kind::payment
                && was_expired(payment))
                open(discrepancy_kind::paid_after_expiry, subject_of(payment), {});
    }

    /// The session's word alone makes its first payment. A further one, under another order of Clink's, only
    /// that order makes.
    bool is_credible_payment() const {
        const auto& named = word_.session.order_id;
        if (!knows_payment(std::nullopt))
            return true;
        return named
               && (knows_payment(named) || knows_payment_without_order()
                   || std::ranges::count(word_.orders, *named, &order_facts::order_id) > 0);
    }

    bool knows_payment_without_order() const {
        return std::ranges::any_of(after_.payments, [&](const payment_record& p) {
            return p.attempt == session_.id && p.kind == payment_kind::payment && !p.order_id;
        });
    }

    /// Under another order of Clink's than this, and none whose order is not known.
    bool knows_other_payment(const clink_order_id& id) const {
        return !knows_payment_without_order() && !knows_payment(id) && knows_payment(std::nullopt);
    }

    bool knows_payment(const std::optional<clink_order_id>& id) const {
        return std::ranges::any_of(after_.payments, [&](const payment_record& p) {
            return p.attempt == session_.id && p.kind == payment_kind::payment && (!id || p.order_id == id);
        });
    }

    /// By Clink's order, else the session's payment whose order was not known: not a renewal of what the
    /// session names.
    payment_record* find_stored(const payment_record& found, bool may_be_renewal) {
        for (auto& payment : after_.payments)
            if (found.order_id && payment.order_id == found.order_id)
                return &payment;
        for (auto& payment : after_.payments)
            if (payment.attempt == session_.id && !payment.order_id && !(may_be_renewal && names_payment()))
                return &payment;
        return nullptr;
    }

    /// The order that the session names as what paid it is the payment, else the first one found: whatever is
    /// on record of a session, one of it is its payment.
    bool is_renewal(bool may_be_renewal) const {
        return may_be_renewal && (names_payment() || knows_payment(std::nullopt));
    }

    void add(payment_record found, bool may_be_renewal) {
        if (auto* stored = find_stored(found, may_be_renewal)) {
            const bool knew_time = stored->payment_time.has_value();
            const bool knew_order = stored->order_id.has_value();
            if (!learn(*stored, found))
                return;
            if (!knew_order)
                explain_orphan(*stored);
            judge(*stored);
            take_refunds(*stored);
            if (!knew_time && stored->payment_time && !was_expired(*stored))
                out_.closings.push_back({.kind = discrepancy_kind::paid_after_expiry,
                                         .attempt = {},
                                         .subject = subject_of(*stored),
                                         .resolution = "it was paid in time"});
            changed_.insert(stored->id);
            note("payment_updated", *stored);
            return;
        }
        found.attempt = session_.id;
        found.original = session_.original;
        found.found_by = out_.source;
        found.kind = is_renewal(may_be_renewal) ? payment_kind::renewal : payment_kind::payment;
        if (found.kind == payment_kind::payment)
            ++after_.payment_count;
        after_.payments.push_back(std::move(found));
        auto& added = after_.payments.back();
        judge(added);
        take_refunds(added);
        note("payment_recorded", added);
        check_circumstances(added);
        explain_orphan(added);
    }

    /// Shown as nobody's until now, perhaps.
    void explain_orphan(const payment_record& payment) {
        if (payment.order_id)
            out_.closings.push_back({.kind = discrepancy_kind::orphan_event,
                                     .attempt = {},
                                     .subject = subject_of_order(*payment.order_id),
                                     .resolution = "it is on record as a payment"});
    }

    /// Refunds that were heard of before their payment, or before its currency.
    void take_refunds(payment_record& payment) {
        for (const auto& refund : after_.refunds) {
            if (refund.order_id != payment.order_id || refund.payment)
                continue;
            out_.refunds.push_back(refund);
            if (payment.id != 0)
                out_.refunds.back().payment = payment.id;
            out_.closings.push_back({.kind = discrepancy_kind::refund_without_payment,
                                     .attempt = {},
                                     .subject = subject_of_refund(refund.clink_id),
                                     .resolution = "its payment is on record"});
        }
        auto total = total_refunds(after_.refunds, payment);
        std::ranges::move(total.discrepancies, std::back_inserter(out_.discrepancies));
        payment.refunded_amount = std::max(payment.refunded_amount, total.sum);
    }

    /// The rows to be written: payments that are new, and known ones about which more is known.
    void list_payments() {
        for (const auto& payment : after_.payments) {
            if (payment.id == 0)
                out_.new_payments.push_back(payment);
            else if (changed_.contains(payment.id))
                out_.known_payments.push_back(payment);
        }
    }

    void judge(payment_record& payment) {
        const auto before = payment.verdict;
        payment.verdict = judge_amount(session_.original, session_.allow_promotion_codes, payment);
        if (payment.kind == payment_kind::renewal)
            return;
        const auto& named = payment.clink_original_currency;
        const std::map<std::string, std::string> detail{
            {"asked", describe(session_.original.amount, session_.original.currency)},
            {"paid", describe(payment.amount_total, payment.payment_currency)},
            {"verdict", std::string(to_string(payment.verdict))}};
        if (named && *named != session_.original.currency)
            open(discrepancy_kind::currency_mismatch, subject_of(payment), with_currency(detail, *named));
        else if (is_mismatch(payment.verdict))
            open(discrepancy_kind::amount_mismatch, subject_of(payment), detail);
        if (is_mismatch(before) && !is_mismatch(payment.verdict))
            out_.closings.push_back({.kind = discrepancy_kind::amount_mismatch,
                                     .attempt = {},
                                     .subject = subject_of(payment),
                                     .resolution = "more is known of the payment"});
    }

    static std::map<std::string, std::string> with_currency(std::map<std::string, std::string> detail,
                                                            const std::string& clink_original_currency) {
        detail["clinkOriginalCurrency"] = clink_original_currency;
        return detail;
    }

    void check_circumstances(const payment_record& payment) {
        if (payment.kind == payment_kind::renewal)
            return;
        if (!session_.released())
            open(discrepancy_kind::paid_on_dark_session, subject_of(payment), {});
        if (session_.superseded_at)
            open(discrepancy_kind::paid_on_superseded, subject_of(payment), {});
        if (after_.cancelled_at)
            open(discrepancy_kind::paid_after_cancel, subject_of(payment), {});
    }

    /// By its time when that and the expiry are known, else by what is said and was said of the session.
    /// Clink's word that it expired counts when it came before the time that Clink had named.
    bool was_expired(const payment_record& payment) const {
        auto expiry = word_.session.expire_time ? word_.session.expire_time : session_.expire_time;
        const bool said_before = session_.status == session_status::expired;
        const bool says_expired = word_.session.status == clink_session_status::expired;
        if (says_expired && word_.session.payment_status == clink_payment_status::paid)
            return true;
        if (!payment.payment_time || !expiry)
            return said_before || says_expired;
        if (said_before && session_.ended_at)
            expiry = std::min(*expiry, *session_.ended_at);
        return *payment.payment_time > *expiry;
    }

    void check_duplicates() {
        const bool more = std::ranges::any_of(
            out_.new_payments, [](const payment_record& p) { return p.kind == payment_kind::payment; });
        if (out_.state == order_state::overpaid && more)
            open(discrepancy_kind::duplicate_payment,
                 "order:" + after_.id.str() + "/" + std::to_string(after_.payment_count),
                 {{"payments", std::to_string(after_.payment_count)}});
    }

    void move_session() {
        const bool has_payment = knows_payment(std::nullopt);
        const session_change change{.status = advance(session_.status, word_.session.status, session_.payment,
                                                      session_.ended_at.has_value()),
                                    .payment =
                                        advance(session_.payment, word_.session.payment_status, has_payment),
                                    .ended = false,
                                    .settled = false,
                                    .expire_time = word_.session.expire_time,
                                    .session_id = session_.session_id ? std::nullopt : said_id_};
        apply(change);
    }

    void apply(session_change change) {
        change.ended = session_.released() && !session_.ended_at && has_ended(change.status, change.payment);
        change.settled = change.payment != session_.payment || change.ended;
        if (change.expire_time == session_.expire_time)
            change.expire_time.reset();
        if (change.status == session_.status && !change.settled && !change.expire_time && !change.session_id)
            return;
        out_.session = change;
        for (auto& mine : after_.sessions)
            if (mine.id == session_.id) {
                mine.status = change.status;
                mine.payment = change.payment;
            }
        out_.events.insert(out_.events.begin(),
                           {.kind = "session_changed",
                            .attempt = session_.id,
                            .data = {{"statusBefore", std::string(to_string(session_.status))},
                                     {"status", std::string(to_string(change.status))},
                                     {"paymentStatusBefore", std::string(to_string(session_.payment))},
                                     {"paymentStatus", std::string(to_string(change.payment))}}});
    }

    /// Refunds can bring an overpaid order back to one payment, and any answer ends a silence.
    void close_explained() {
        if (state_before_ == order_state::overpaid && out_.state != order_state::overpaid)
            out_.closings.push_back({.kind = discrepancy_kind::duplicate_payment,
                                     .attempt = {},
                                     .subject = {},
                                     .resolution = "refunded"});
        if (session_.stuck_at && said_id_)
            out_.closings.push_back({.kind = discrepancy_kind::stuck_unknown,
                                     .attempt = session_.id,
                                     .subject = {},
                                     .resolution = "answered"});
    }

    void note(std::string kind, const payment_record& payment) {
        event_draft event{.kind = std::move(kind), .attempt = session_.id, .data = {}};
        event.data["kind"] = to_string(payment.kind);
        event.data["verdict"] = to_string(payment.verdict);
        if (payment.order_id)
            event.data["clinkOrderId"] = payment.order_id->str();
        if (payment.amount_total)
            event.data["amountTotal"] = payment.amount_total->to_string();
        if (payment.payment_currency)
            event.data["paymentCurrency"] = *payment.payment_currency;
        if (payment.clink_refunds != refund_extent::none)
            event.data["clinkRefunds"] = to_string(payment.clink_refunds);
        out_.events.push_back(std::move(event));
    }

    void open(discrepancy_kind kind, std::string subject, std::map<std::string, std::string> detail) {
        out_.discrepancies.push_back({.kind = kind,
                                      .subject = std::move(subject),
                                      .attempt = session_.id,
                                      .detail = std::move(detail)});
    }

    /// The attempt and the payment's place in it, not Clink's order id, which may become known later.
    std::string subject_of(const payment_record& payment) const {
        int place = 0;
        for (const auto& each : after_.payments) {
            place += each.attempt == payment.attempt ? 1 : 0;
            if (&each == &payment)
                break;
        }
        return "attempt:" + payment.attempt.str() + "/" + std::to_string(place);
    }

    order_record after_;
    const session_record& session_;
    const clink_word& word_;
    const order_state state_before_;
    std::set<std::int64_t> changed_;          ///< stored payments about which more is known
    std::optional<clink_session_id> said_id_; ///< nothing: the session itself was not asked about
    settlement out_;
};

amount_verdict judge_same_currency(const decimal& asked, bool allow_promotion_codes,
                                   const payment_record& payment) {
    const auto& paid = *payment.amount_total;
    if (paid == asked)
        return amount_verdict::exact;
    if (paid < asked)
        return allow_promotion_codes ? amount_verdict::discounted : amount_verdict::short_paid;
    return payment.amount_subtotal == asked ? amount_verdict::surcharged : amount_verdict::over;
}

bool has_remainder(const payment_record& payment) {
    if (payment.clink_refunds == refund_extent::full)
        return false;
    return !payment.amount_total || payment.refunded_amount.is_zero()
           || payment.refunded_amount < *payment.amount_total;
}

} // namespace

bool was_paid(clink_order_status status) {
    switch (status) {
    case clink_order_status::success:
    case clink_order_status::partially_refunded:
    case clink_order_status::refunded:
        return true;
    case clink_order_status::created:
    case clink_order_status::pending:
    case clink_order_status::requires_action:
    case clink_order_status::failed:
    case clink_order_status::unrecognised:
        return false;
    }
    return false;
}

settlement settle(const order_record& order, const session_record& session, const clink_word& word,
                  evidence source) {
    return settling(order, session, word, source).run();
}

session_record after(session_record session, const settlement& change, instant now) {
    if (change.session) {
        session.status = change.session->status;
        session.payment = change.session->payment;
        if (change.session->ended)
            session.ended_at = now;
        if (change.session->expire_time)
            session.expire_time = change.session->expire_time;
        if (change.session->session_id)
            session.session_id = change.session->session_id;
    }
    session.checked_at = now;
    session.failed_checks = 0;
    return session;
}

refund_total total_refunds(const std::vector<refund_record>& refunds, const payment_record& payment) {
    refund_total total;
    const auto found = [&](discrepancy_kind kind, std::string subject, const refund_record& in) {
        total.discrepancies.push_back(
            {.kind = kind,
             .subject = std::move(subject),
             .attempt = payment.attempt,
             .detail = {{"refundId", in.clink_id.str()}, {"clinkOrderId", in.order_id.str()}}});
    };
    const refund_record* last = nullptr;
    for (const auto& refund : refunds) {
        if (refund.order_id != payment.order_id || refund.status != refund_status::success || !refund.amount
            || !refund.currency || !payment.payment_currency)
            continue;
        if (refund.currency != payment.payment_currency) {
            found(discrepancy_kind::currency_mismatch, subject_of_refund(refund.clink_id), refund);
            continue;
        }
        total.sum = decimal::add(total.sum, *refund.amount).value_or(total.sum);
        last = &refund;
    }
    if (last != nullptr && payment.amount_total && *payment.amount_total < total.sum)
        found(discrepancy_kind::amount_mismatch, subject_of_refunds(payment), *last);
    return total;
}

std::string subject_of_order(const clink_order_id& order) {
    return "clink-order:" + order.str();
}

std::string subject_of_refund(const clink_refund_id& refund) {
    return "refund:" + refund.str();
}

std::string subject_of_refunds(const payment_record& payment) {
    return "refunds:" + (payment.order_id ? payment.order_id->str() : payment.attempt.str());
}

amount_verdict judge_amount(const money& asked, bool allow_promotion_codes, const payment_record& payment) {
    if (!payment.amount_total || !payment.payment_currency)
        return amount_verdict::unknown;
    if (payment.clink_original_currency && *payment.clink_original_currency != asked.currency)
        return amount_verdict::unknown;
    if (*payment.payment_currency == asked.currency)
        return judge_same_currency(asked.amount, allow_promotion_codes, payment);
    const auto& priced = payment.items_total ? payment.items_total : payment.amount_subtotal;
    if (!priced || !payment.clink_original_currency)
        return amount_verdict::unknown;
    if (*priced == asked.amount)
        return amount_verdict::converted;
    return *priced < asked.amount ? amount_verdict::short_paid : amount_verdict::over;
}

order_state find_state(const order_record& order) {
    int with_remainder = 0;
    int refunded = 0;
    bool doubtful = false;
    bool partly_refunded = false;
    for (const auto& payment : order.payments) {
        if (payment.kind == payment_kind::renewal)
            continue;
        with_remainder += has_remainder(payment) ? 1 : 0;
        refunded += has_remainder(payment) ? 0 : 1;
        doubtful = doubtful || !is_paid_in_full(payment.verdict);
        const bool any_refund =
            !payment.refunded_amount.is_zero() || payment.clink_refunds != refund_extent::none;
        partly_refunded = partly_refunded || (has_remainder(payment) && any_refund);
    }
    if (with_remainder >= 2)
        return order_state::overpaid;
    if (doubtful)
        return order_state::underpaid;
    if (partly_refunded)
        return order_state::partially_refunded;
    if (with_remainder == 1)
        return order_state::paid;
    if (refunded > 0)
        return order_state::refunded;
    if (std::ranges::any_of(order.sessions, may_be_paying))
        return order_state::processing;
    return order.cancelled_at ? order_state::cancelled : order_state::unpaid;
}

} // namespace checkout
