#include "domain/create_decision.h"

#include <algorithm>

namespace checkout {

namespace {

using namespace std::chrono_literals;

failure processing_failure() {
    return make_failure(errc::payment_processing,
                        "A payment for this order is being processed; ask again for its outcome.", 5s);
}

failure unanswered_failure() {
    return make_failure(errc::clink_unavailable,
                        "The order's present session has to be asked about first, and Clink did not answer.",
                        2s);
}

failure conflict_failure(const session_record& session, const create_intent& intent) {
    auto answer =
        make_failure(errc::order_terms_conflict,
                     "The order has a session on other terms; send the recorded terms, or supersede it.");
    answer.conflicts = find_conflicts(session.terms, intent.terms);
    return answer;
}

int count_superseded(const order_record& order) {
    return static_cast<int>(std::ranges::count_if(
        order.sessions, [](const session_record& s) { return s.superseded_at && !s.ended_at; }));
}

class decision {
public:
    decision(const order_record& order, const create_intent& intent,
             const std::optional<asked_session>& asked)
        : order_(order),
          intent_(intent),
          asked_(asked) {}

    create_decision decide() const {
        if (order_.payment_count > 0)
            return make_failure(errc::order_already_paid, "A payment for this order is on record.");
        if (order_.cancelled_at)
            return make_failure(errc::order_cancelled, "The order was cancelled.");
        auto paying = std::ranges::find_if(order_.sessions, may_be_paying);
        if (paying != order_.sessions.end())
            return was_asked(*paying) ? create_decision(processing_failure()) : ask_clink_first{paying->id};
        const auto* creating = order_.find_creating();
        if (creating != nullptr && !creating->lease_expired)
            return with_creating(*creating);
        if (const auto* current = order_.find_current())
            return with_current(*current, creating);
        return begin(creating, nullptr);
    }

private:
    create_decision with_creating(const session_record& creating) const {
        const auto* current = order_.find_current();
        const bool may_stay = current != nullptr && same_terms(*current); // if what replaces it fails
        if (same_terms(creating) || intent_.supersede || may_stay)
            return wait_for_winner{creating.id};
        return conflict_failure(creating, intent_);
    }

    create_decision with_current(const session_record& current, const session_record* lapsed) const {
        const bool overdue = current.expire_time && order_.read_at >= *current.expire_time;
        const bool replaces = intent_.supersede && !same_terms(current);
        if ((overdue || replaces) && !was_asked(current))
            return ask_clink_first{current.id};
        if ((overdue || replaces) && !asked_->answered)
            return unanswered_failure();
        if (same_terms(current))
            return replay_session{current.id};
        if (!replaces)
            return conflict_failure(current, intent_);
        if (count_superseded(order_) >= max_superseded_sessions)
            return make_failure(errc::too_many_open_sessions,
                                "The order has too many superseded sessions that can still be paid.");
        return begin(lapsed, &current);
    }

    create_decision begin(const session_record* lapsed, const session_record* superseded) const {
        begin_attempt next{.attempt = order_.last_attempt + 1, .lapsed = {}, .supersedes = {}};
        if (lapsed != nullptr)
            next.lapsed = lapsed->id;
        if (superseded != nullptr)
            next.supersedes = superseded->id;
        return next;
    }

    bool same_terms(const session_record& session) const {
        return session.terms_fingerprint == intent_.fingerprint;
    }
    bool was_asked(const session_record& session) const { return asked_ && asked_->attempt == session.id; }

    const order_record& order_;
    const create_intent& intent_;
    const std::optional<asked_session>& asked_;
};

} // namespace

create_decision decide_create(const order_record& order, const create_intent& intent,
                              const std::optional<asked_session>& asked) {
    return decision(order, intent, asked).decide();
}

failure failure_of_refusal(const clink_refusal& refusal) {
    const auto names = [&](std::string_view name) {
        return refusal.code == name || refusal.message.find(name) != std::string::npos;
    };
    failure answer{.code = errc::clink_rejected,
                   .detail = "Clink refused to create the session.",
                   .conflicts = {},
                   .refusal = refusal,
                   .retry_after = {}};
    if (names("CUSTOMER_NOT_FOUND")) {
        answer.code = errc::customer_not_found;
        answer.detail = "Clink found no customer for the identifiers given.";
    } else if (names("CUSTOMER_IDENTIFIER_NOT_MATCHED")) {
        answer.code = errc::customer_identifier_not_matched;
        answer.detail = "The customer identifiers given belong to different customers at Clink.";
    } else if (refusal.code == never_sent_code || refusal.code == "429") {
        answer.code = errc::clink_unavailable;
        answer.detail = "Clink could not be reached; nothing was created.";
        answer.retry_after = 2s;
        answer.refusal.reset();
    }
    return answer;
}

std::optional<echo_difference> find_echo_difference(const merchant_order_id& order, const money& asked,
                                                    const created_session& answer) {
    if (answer.original_amount && *answer.original_amount != asked.amount)
        return echo_difference{"originalAmount", asked.amount.to_string(),
                               answer.original_amount->to_string()};
    if (answer.original_currency && *answer.original_currency != asked.currency)
        return echo_difference{"originalCurrency", asked.currency, *answer.original_currency};
    if (answer.merchant_reference_id && *answer.merchant_reference_id != order.str())
        return echo_difference{"merchantReferenceId", order.str(), *answer.merchant_reference_id};
    return std::nullopt;
}

std::optional<failure> failure_of_attempt(const session_record& session) {
    switch (session.status) {
    case session_status::refused:
        return failure_of_refusal({session.refusal_code.value_or(""), session.refusal_message.value_or("")});
    case session_status::dark:
        if (session.refusal_code == answer_mismatch_code)
            return make_failure(errc::clink_answer_mismatch,
                                "Clink answered with another " + session.refusal_message.value_or("session")
                                    + " than was asked for; the session was not handed out.");
        return make_failure(
            errc::clink_outcome_unknown,
            "It is not known whether Clink created a session; none was handed out. Send the request again.");
    case session_status::creating:
    case session_status::open:
    case session_status::completed:
    case session_status::expired:
        return std::nullopt;
    }
    return std::nullopt;
}

} // namespace checkout
