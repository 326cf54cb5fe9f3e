#include "domain/explain.h"

#include "domain/create_decision.h"

#include <algorithm>
#include <string_view>

namespace checkout {

namespace {

std::string count(std::size_t number, const std::string& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string at(instant when) {
    return "at " + to_rfc3339(when);
}

std::string show(const decimal& amount, const std::string& currency) {
    return format_amount(amount, currency) + " " + currency;
}

std::string show(const std::optional<decimal>& amount, const std::optional<std::string>& currency) {
    return amount && currency ? show(*amount, *currency) : "an amount that is not known yet";
}

/// Codes of Clink's are shown when they are codes; anything longer may hold anything.
bool is_code(const std::optional<std::string>& text) {
    constexpr std::size_t longest = 64;
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
               || c == '-' || c == '.';
    };
    return text && !text->empty() && text->size() <= longest && std::ranges::all_of(*text, plain);
}

/// Who gave the hint that made the service ask Clink.
std::string_view name_of(evidence source) {
    switch (source) {
    case evidence::redirect:
        return "the customer's redirect";
    case evidence::refresh:
        return "a refresh";
    case evidence::webhook:
        return "a webhook";
    case evidence::sweeper:
        return "the sweeper";
    case evidence::reconcile:
        return "a reconcile run";
    case evidence::operator_action:
        return "an operator";
    }
    return "";
}

std::string_view meaning_of(amount_verdict verdict) {
    switch (verdict) {
    case amount_verdict::exact:
        return "the amounts agree";
    case amount_verdict::converted:
        return "another currency was paid, and by Clink's word the original sum agrees";
    case amount_verdict::discounted:
        return "less was paid, and promotion codes are allowed";
    case amount_verdict::surcharged:
        return "the items agree and the total is more";
    case amount_verdict::over:
        return "more was paid";
    case amount_verdict::short_paid:
        return "less was paid";
    case amount_verdict::unknown:
        return "the amounts cannot be compared yet";
    }
    return "";
}

std::string_view meaning_of(order_state state) {
    switch (state) {
    case order_state::unpaid:
        return "no payment is known";
    case order_state::processing:
        return "Clink says that a payment may be on its way";
    case order_state::cancelled:
        return "the merchant gave it up, and no payment is known";
    case order_state::paid:
        return "one payment stands";
    case order_state::underpaid:
        return "a payment is short, or its amount is not known yet";
    case order_state::overpaid:
        return "two or more payments have not been given back in full";
    case order_state::partially_refunded:
        return "a payment stands of which a part was given back";
    case order_state::refunded:
        return "what was paid was given back";
    }
    return "";
}

/// What became of an attempt, without its dates.
std::string describe_status(const session_record& session) {
    switch (session.status) {
    case session_status::creating:
        return session.lease_expired ? "is still being created, and the time for that is over"
                                     : "is being created at Clink now";
    case session_status::refused:
        if (session.refusal_code == never_sent_code)
            return "was refused: Clink could not be reached, and nothing was sent";
        return "was refused by Clink"
               + (is_code(session.refusal_code) ? " with code " + *session.refusal_code : "");
    case session_status::dark:
        if (session.refusal_code == answer_mismatch_code)
            return "is dark: Clink made it on other terms than were asked, so it was not released";
        return "is dark: its outcome was unknown or its page was not released";
    case session_status::open:
    case session_status::completed:
    case session_status::expired:
        return "is " + std::string(to_string(session.status)) + " by Clink's word";
    }
    return "";
}

std::string_view reason_to_ask(const session_record& session, bool payments_known) {
    if (session.status == session_status::creating)
        return "because its creation should have come to an end by then";
    if (!session.released())
        return "because Clink may have made a session for it all the same";
    if (!payments_known)
        return "because its payment is not known in full yet";
    if (session.ended_at)
        return "because payments can come after the end";
    return may_be_paying(session) ? "because a payment may be on its way" : "because it can still be paid";
}

/// An explanation in the making.
class explaining {
public:
    explaining(const order_record& order, const std::vector<discrepancy_record>& open, unreleased_ids ids)
        : order_(order),
          open_(open),
          ids_(ids) {}

    explanation run() {
        tell_order();
        for (const auto& session : order_.sessions)
            tell_attempt(session);
        for (const auto& payment : order_.payments)
            tell_payment(payment);
        for (const auto& refund : order_.refunds)
            tell_refund(refund);
        for (const auto& dispute : order_.disputes)
            tell_dispute(dispute);
        tell_discrepancies();
        tell_next_checks();
        return std::move(out_);
    }

private:
    void say(std::string sentence) { out_.sentences.push_back(std::move(sentence) + "."); }

    void tell_order() {
        say("Order " + order_.id.str() + " is " + std::string(to_string(order_.state)) + ": "
            + std::string(meaning_of(order_.state)));
        say("On record " + at(order_.read_at) + " are " + count(order_.sessions.size(), "attempt") + ", "
            + count(order_.payments.size(), "payment") + ", " + count(order_.refunds.size(), "refund") + ", "
            + count(order_.disputes.size(), "dispute") + " and "
            + (open_.size() == 1 ? "1 open discrepancy"
                                 : std::to_string(open_.size()) + " open discrepancies"));
        if (order_.cancelled_at)
            say("The merchant cancelled the order " + at(*order_.cancelled_at));
    }

    std::string id_of(const session_record& session) const {
        const bool shown = session.session_id && (session.released() || ids_ == unreleased_ids::shown);
        return shown ? " (session " + session.session_id->str() + ")" : "";
    }

    void tell_attempt(const session_record& session) {
        auto text = "Attempt " + std::to_string(session.attempt) + id_of(session) + " for "
                    + show(session.original.amount, session.original.currency) + " was begun "
                    + at(session.created_at);
        if (session.released_at)
            text += ", handed out " + at(*session.released_at);
        if (session.cancel_visited_at)
            text += ", left by the customer " + at(*session.cancel_visited_at);
        if (session.superseded_at)
            text += ", replaced by a later attempt " + at(*session.superseded_at);
        if (session.ended_at)
            text += ", known to have ended " + at(*session.ended_at);
        else if (session.released() && session.expire_time)
            text += ", expires " + at(*session.expire_time);
        text += "; it " + describe_status(session);
        if (session.released() || session.payment != payment_status::unpaid)
            text += ", its payment " + std::string(to_string(session.payment));
        say(std::move(text));
        tell_evidence(session);
    }

    void tell_evidence(const session_record& session) {
        const auto name = "attempt " + std::to_string(session.attempt);
        if (session.checked_at)
            say((session.released() ? "Clink last answered about " : "Clink was last searched for ") + name
                + " " + at(*session.checked_at)
                + (session.settled_by
                       ? "; what led to its last change was " + std::string(name_of(*session.settled_by))
                       : ", and there was nothing new"));
        else if (session.released())
            say("Clink has not been heard about " + name + " since it was made");
        if (session.failed_checks > 0)
            say("Clink did not answer the last "
                + count(static_cast<std::size_t>(session.failed_checks), "question") + " about " + name);
    }

    std::string attempt_of(const payment_record& payment) const {
        const auto* session = order_.find_session(payment.attempt);
        return session != nullptr ? "attempt " + std::to_string(session->attempt) : "an attempt";
    }

    void tell_payment(const payment_record& payment) {
        auto text =
            std::string(payment.kind == payment_kind::renewal ? "Renewal " : "Payment ")
            + std::to_string(payment.id) + " on " + attempt_of(payment) + " ("
            + (payment.order_id ? "Clink's order " + payment.order_id->str() : "Clink's order not known yet")
            + ") is " + show(payment.amount_total, payment.payment_currency);
        if (payment.payment_time)
            text += ", paid " + at(*payment.payment_time);
        text += ", found through " + std::string(name_of(payment.found_by)) + " " + at(payment.recorded_at);
        if (payment.kind == payment_kind::renewal)
            text += "; it renews a subscription and does not count for the order's state";
        else
            text += "; " + show(payment.original.amount, payment.original.currency)
                    + " was asked for, and the verdict is " + std::string(to_string(payment.verdict)) + ": "
                    + std::string(meaning_of(payment.verdict));
        say(std::move(text));
        tell_given_back(payment);
    }

    void tell_given_back(const payment_record& payment) {
        if (!payment.refunded_amount.is_zero())
            say("Of payment " + std::to_string(payment.id) + ", "
                + show(payment.refunded_amount, payment.payment_currency.value_or("")) + " was given back");
        if (payment.clink_refunds != refund_extent::none)
            say("Clink's own status of payment " + std::to_string(payment.id) + " says refunded in "
                + (payment.clink_refunds == refund_extent::full ? "full" : "part"));
    }

    void tell_refund(const refund_record& refund) {
        auto text = "Refund " + refund.clink_id.str() + " of "
                    + (refund.payment
                           ? "payment " + std::to_string(*refund.payment)
                           : "Clink's order " + refund.order_id.str() + ", of which no payment is on record,")
                    + " is " + show(refund.amount, refund.currency) + ", and Clink says "
                    + std::string(to_string(refund.status));
        if (is_code(refund.failure_code))
            text += " (" + *refund.failure_code + ")";
        if (refund.refund_time)
            text += "; made " + at(*refund.refund_time);
        text += "; found through " + std::string(name_of(refund.found_by)) + " " + at(refund.recorded_at);
        if (!is_final(refund.status))
            text += "; Clink is asked about it until that is final";
        say(std::move(text));
    }

    void tell_dispute(const dispute_record& dispute) {
        auto text = "Dispute " + dispute.clink_id.str()
                    + (dispute.order_id ? " about Clink's order " + dispute.order_id->str() : "")
                    + " is over " + show(dispute.amount, dispute.currency) + ", and Clink said "
                    + std::string(to_string(dispute.status)) + " " + at(dispute.said_at) + " in a webhook";
        if (is_code(dispute.reason_code))
            text += "; its reason code is " + *dispute.reason_code;
        if (dispute.evidence_deadline)
            text += "; evidence is due " + at(*dispute.evidence_deadline);
        say(std::move(text));
    }

    void tell_discrepancies() {
        if (open_.empty())
            say("No discrepancy is open");
        for (const auto& found : open_)
            out_.sentences.push_back(explain_discrepancy(found));
    }

    void tell_next_checks() {
        for (const auto& session : order_.sessions) {
            if (!session.next_check_at)
                continue;
            tell_next_check(session, *session.next_check_at);
            out_.next_check_at =
                std::min(out_.next_check_at.value_or(*session.next_check_at), *session.next_check_at);
        }
        if (!out_.next_check_at)
            tell_no_check();
    }

    void tell_next_check(const session_record& session, instant next) {
        const auto verb = session.status == session_status::creating ? "looked at"
                          : session.released()                       ? "asked about"
                                                                     : "looked for";
        say("Attempt " + std::to_string(session.attempt) + " is " + verb + " next " + at(next)
            + (next <= order_.read_at ? ", which is due now, " : ", ")
            + std::string(reason_to_ask(session, knows_payments(order_, session.id))));
    }

    void tell_no_check() {
        const auto& sessions = order_.sessions;
        const auto ended = [](const session_record& s) { return !s.released() || s.ended_at; };
        std::string why;
        if (!std::ranges::all_of(sessions, ended))
            why = "no check is planned, although a session that was handed out has not ended";
        else if (std::ranges::any_of(sessions, &session_record::released))
            why = "every session that was handed out has ended, and the checks after its end are over";
        if (!std::ranges::all_of(sessions, &session_record::released))
            why +=
                std::string(why.empty() ? "" : "; ") + "what was not handed out was looked for long enough";
        say("Nothing will be asked again unless a webhook, a redirect or a refresh gives a reason: " + why);
    }

    const order_record& order_;
    const std::vector<discrepancy_record>& open_;
    const unreleased_ids ids_;
    explanation out_;
};

} // namespace

explanation explain(const order_record& order, const std::vector<discrepancy_record>& open,
                    unreleased_ids ids) {
    return explaining(order, open, ids).run();
}

} // namespace checkout
