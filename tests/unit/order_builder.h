// Orders for tests of the pure core, built in a line each.
#pragma once

#include "domain/create_decision.h"
#include "domain/settle.h"

#include <chrono>
#include <string>
#include <utility>

namespace checkout::test {

inline const instant noon = *parse_rfc3339("2026-11-21T12:00:00Z");

inline checkout_terms make_terms(const std::string& amount = "49.90", const std::string& currency = "USD") {
    checkout_terms terms;
    terms.original = {decimal::parse(amount).value(), currency};
    terms.customer_email = "ada@example.com";
    terms.items = {{.name = "Mug",
                    .unit_amount = terms.original.amount,
                    .quantity = 1,
                    .currency = currency,
                    .image_url = {}}};
    return terms;
}

inline create_intent make_intent(const checkout_terms& terms, bool supersede = false) {
    const auto recorded = record(terms);
    return {.terms = recorded, .fingerprint = fingerprint(recorded), .supersede = supersede};
}

class order_builder {
public:
    order_builder() {
        order_.key = order_key{1};
        order_.id = merchant_order_id("ORD-1");
        order_.version = 1;
        order_.read_at = noon;
        order_.created_at = order_.updated_at = noon - std::chrono::minutes(10);
    }

    explicit order_builder(order_record order) : order_(std::move(order)) {}

    /// A further attempt in that status; open, completed and expired ones are released.
    order_builder& attempt(session_status status, payment_status payment = payment_status::unpaid,
                           const checkout_terms& terms = make_terms()) {
        session_record session;
        session.attempt = ++order_.last_attempt;
        session.id = attempt_id("00000000-0000-7000-8000-00000000000" + std::to_string(session.attempt));
        session.status = status;
        session.payment = payment;
        session.original = terms.original;
        session.allow_promotion_codes = terms.allow_promotion_codes.value_or(false);
        session.terms = record(terms);
        session.terms_fingerprint = fingerprint(session.terms);
        session.created_at = noon - std::chrono::minutes(5);
        if (status == session_status::open || status == session_status::completed
            || status == session_status::expired) {
            session.session_id = clink_session_id("sess_" + std::to_string(session.attempt));
            session.released_at = noon - std::chrono::minutes(4);
            session.url = "https://checkout.example/pay/1";
            session.expire_time = noon + std::chrono::minutes(55);
        }
        if ((status == session_status::completed && payment == payment_status::paid)
            || (status == session_status::expired && payment == payment_status::unpaid)) {
            session.ended_at = noon - std::chrono::minutes(1);
            session.url.reset();
        }
        order_.sessions.push_back(session);
        return *this;
    }
    template <class Change>
    order_builder& with(Change change) {
        change(order_.sessions.back());
        return *this;
    }
    order_builder& payment(amount_verdict verdict = amount_verdict::exact) {
        payment_record payment;
        payment.id = static_cast<std::int64_t>(order_.payments.size()) + 1;
        payment.attempt = order_.sessions.back().id;
        payment.original = order_.sessions.back().original;
        payment.order_id = clink_order_id("order_" + std::to_string(payment.id));
        payment.verdict = verdict;
        payment.amount_total = payment.original.amount;
        payment.payment_currency = payment.original.currency;
        order_.payments.push_back(payment);
        ++order_.payment_count;
        order_.state = order_state::paid;
        return *this;
    }
    order_builder& cancelled() {
        order_.cancelled_at = noon - std::chrono::minutes(2);
        order_.state = order_state::cancelled;
        return *this;
    }

    operator order_record() const { return order_; }
    order_record get() const { return order_; }

private:
    order_record order_;
};

} // namespace checkout::test
