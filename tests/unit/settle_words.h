// Clink's words about a session, and what the database would hold after a settlement, for tests of settle().
#pragma once

#include "order_builder.h"

#include <algorithm>
#include <string>

namespace checkout::test {

inline clink_word says(clink_session_status status, clink_payment_status payment,
                       const std::string& session = "sess_1") {
    clink_word word;
    word.session.session_id = clink_session_id(session);
    word.session.status = status;
    word.session.payment_status = payment;
    word.session.merchant_reference_id = "ORD-1";
    word.session.original_currency = "USD";
    return word;
}

inline clink_word says_paid(const std::string& total = "49.90", const std::string& session = "sess_1") {
    auto word = says(clink_session_status::completed, clink_payment_status::paid, session);
    word.session.order_id = clink_order_id("order_of_" + session);
    word.session.amount_total = decimal::parse(total);
    word.session.amount_subtotal = decimal::parse(total);
    word.session.payment_currency = "USD";
    return word;
}

inline settlement settle_last(const order_record& order, const clink_word& word,
                              evidence source = evidence::refresh) {
    return settle(order, order.sessions.back(), word, source);
}

inline bool opens(const settlement& change, discrepancy_kind kind) {
    return std::ranges::find(change.discrepancies, kind, &discrepancy_draft::kind)
           != change.discrepancies.end();
}

/// What the database would hold afterwards.
inline order_record apply(order_record order, const settlement& change) {
    ++order.version;
    order.state = change.state;
    order.payment_count = change.payment_count;
    for (auto& session : order.sessions) {
        if (session.id != change.attempt || !change.session)
            continue;
        session.status = change.session->status;
        session.payment = change.session->payment;
        if (change.session->ended)
            session.ended_at = noon;
    }
    for (auto payment : change.new_payments) {
        payment.id = static_cast<std::int64_t>(order.payments.size()) + 1;
        order.payments.push_back(payment);
    }
    for (const auto& payment : change.known_payments)
        *std::ranges::find(order.payments, payment.id, &payment_record::id) = payment;
    return order;
}

} // namespace checkout::test
