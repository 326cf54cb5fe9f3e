#include "domain/settle.h"

#include <algorithm>
#include <string_view>

namespace checkout {

namespace {

bool is_successful(clink_order_status status) {
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

/// A paid session stays completed and an expired one does not open again; an attempt that was never released
/// keeps saying so.
session_status advance(session_status stored, clink_session_status said, payment_status payment) {
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
        return stored == session_status::expired ? stored : session_status::open;
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
    return (status == session_status::completed && payment == payment_status::paid)
           || (status == session_status::expired && payment == payment_status::unpaid);
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
    payment.subscription_id = facts.subscription_id;
    payment.invoice_id = facts.invoice_id;
    if constexpr (requires { facts.payment_time; })
        payment.payment_time = facts.payment_time;
    return payment;
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
    take(known.subscription_id, found.subscription_id);
    take(known.invoice_id, found.invoice_id);
    take(known.payment_time, found.payment_time);
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
          word_(word) {
        out_.attempt = session.id;
        out_.source = source;
    }

    settlement run() {
        check_reference();
        find_payments();
        move_session();
        out_.payment_count = after_.payment_count;
        out_.state = find_state(after_);
        check_duplicates();
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
            return session_.session_id == facts.session_id;
        return word_.session.order_id == facts.order_id;
    }

    void find_payments() {
        const bool says_paid = word_.session.payment_status == clink_payment_status::paid;
        for (const auto& facts : by_time(word_.orders)) {
            if (!is_successful(facts.status) || !is_ours(facts))
                continue;
            auto found = payment_from(facts);
            if (says_paid && word_.session.order_id == facts.order_id)
                learn(found, payment_from(word_.session));
            add(std::move(found), facts.items_total ? facts.items_total : word_.session.items_total,
                facts.type == clink_order_type::recurring);
        }
        if (says_paid && !knows_payment(word_.session.order_id))
            add(payment_from(word_.session), word_.session.items_total, false);
    }

    bool knows_payment(const std::optional<clink_order_id>& id) const {
        return std::ranges::any_of(after_.payments, [&](const payment_record& p) {
            return p.attempt == session_.id && p.kind == payment_kind::payment && (!id || p.order_id == id);
        });
    }

    payment_record* find_stored(const payment_record& found) {
        for (auto& payment : after_.payments)
            if (found.order_id && payment.order_id == found.order_id)
                return &payment;
        for (auto& payment : after_.payments)
            if (payment.attempt == session_.id && !payment.order_id)
                return &payment;
        return nullptr;
    }

    void add(payment_record found, const std::optional<decimal>& items_total, bool recurring) {
        if (auto* stored = find_stored(found)) {
            const bool knew_time = stored->payment_time.has_value();
            if (!learn(*stored, found))
                return;
            judge(*stored, items_total);
            if (!knew_time && was_expired(*stored))
                open(discrepancy_kind::paid_after_expiry, subject_of(*stored), {});
            replace_known(*stored);
            note("payment_updated", *stored);
            return;
        }
        found.attempt = session_.id;
        found.original = session_.original;
        found.found_by = out_.source;
        found.kind = recurring && knows_payment(std::nullopt) ? payment_kind::renewal : payment_kind::payment;
        if (found.kind == payment_kind::payment)
            ++after_.payment_count;
        after_.payments.push_back(std::move(found));
        auto& added = after_.payments.back();
        judge(added, items_total);
        out_.new_payments.push_back(added);
        note("payment_recorded", added);
        check_circumstances(added);
    }

    void replace_known(const payment_record& payment) {
        auto known = std::ranges::find(out_.known_payments, payment.id, &payment_record::id);
        if (known == out_.known_payments.end())
            out_.known_payments.push_back(payment);
        else
            *known = payment;
    }

    void judge(payment_record& payment, const std::optional<decimal>& items_total) {
        payment.verdict =
            judge_amount(session_.original, session_.allow_promotion_codes, payment, items_total);
        if (payment.kind == payment_kind::renewal)
            return;
        const auto& named = payment.clink_original_currency;
        const std::map<std::string, std::string> detail{
            {"asked", describe(session_.original.amount, session_.original.currency)},
            {"paid", describe(payment.amount_total, payment.payment_currency)},
            {"verdict", std::string(to_string(payment.verdict))}};
        if (named && *named != session_.original.currency)
            open(discrepancy_kind::currency_mismatch, subject_of(payment), detail);
        else if (payment.verdict == amount_verdict::short_paid || payment.verdict == amount_verdict::over)
            open(discrepancy_kind::amount_mismatch, subject_of(payment), detail);
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
        if (was_expired(payment))
            open(discrepancy_kind::paid_after_expiry, subject_of(payment), {});
    }

    bool was_expired(const payment_record& payment) const {
        const bool paid_past_expiry =
            payment.payment_time && session_.expire_time && *payment.payment_time > *session_.expire_time;
        return paid_past_expiry || session_.status == session_status::expired;
    }

    void check_duplicates() {
        if (out_.state == order_state::overpaid && !out_.new_payments.empty())
            open(discrepancy_kind::duplicate_payment,
                 "order:" + after_.id.str() + "/" + std::to_string(after_.payment_count),
                 {{"payments", std::to_string(after_.payment_count)}});
    }

    void move_session() {
        const bool has_payment = knows_payment(std::nullopt);
        const session_change change{
            .status = advance(session_.status, word_.session.status, session_.payment),
            .payment = advance(session_.payment, word_.session.payment_status, has_payment),
            .ended = false,
            .settled = false,
            .expire_time = word_.session.expire_time};
        apply(change);
    }

    void apply(session_change change) {
        change.ended = session_.released() && !session_.ended_at && has_ended(change.status, change.payment);
        change.settled = change.payment != session_.payment || change.ended;
        if (change.expire_time == session_.expire_time)
            change.expire_time.reset();
        if (change.status == session_.status && !change.settled && !change.expire_time)
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
    return !payment.amount_total || payment.refunded_amount.is_zero()
           || payment.refunded_amount < *payment.amount_total;
}

} // namespace

settlement settle(const order_record& order, const session_record& session, const clink_word& word,
                  evidence source) {
    return settling(order, session, word, source).run();
}

amount_verdict judge_amount(const money& asked, bool allow_promotion_codes, const payment_record& payment,
                            const std::optional<decimal>& items_total) {
    if (!payment.amount_total || !payment.payment_currency)
        return amount_verdict::unknown;
    if (payment.clink_original_currency && *payment.clink_original_currency != asked.currency)
        return amount_verdict::unknown;
    if (*payment.payment_currency == asked.currency)
        return judge_same_currency(asked.amount, allow_promotion_codes, payment);
    const auto& priced = items_total ? items_total : payment.amount_subtotal;
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
        partly_refunded = partly_refunded || (has_remainder(payment) && !payment.refunded_amount.is_zero());
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
