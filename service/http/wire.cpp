#include "http/wire.h"

#include "domain/explain.h"

#include <algorithm>

namespace checkout {

namespace {

using namespace std::chrono_literals;

constexpr auto poll_interval = 2000ms; ///< the refill of a session's questions

json_value or_null(const std::optional<std::string>& text) {
    return text ? json_value(*text) : json_value();
}
json_value or_null(const std::optional<instant>& at) {
    return at ? json_value(to_rfc3339(*at)) : json_value();
}
template <class Id>
json_value id_or_null(const std::optional<Id>& id) {
    return id ? json_value(id->str()) : json_value();
}
template <class T>
json_value name_or_null(const std::optional<T>& value) {
    return value ? json_value(to_string(*value)) : json_value();
}

json_value amount_or_null(const std::optional<decimal>& amount, const std::optional<std::string>& currency) {
    return amount ? json_value(format_amount(*amount, currency.value_or(""))) : json_value();
}

json_object session_members(const merchant_order_id& order, const session_record& session, bool payable) {
    return {{"merchantOrderId", order.str()},
            {"sessionId", id_or_null(session.session_id)},
            {"attempt", session.attempt},
            {"status", to_string(session.status)},
            {"paymentStatus", to_string(session.payment)},
            {"url", payable ? or_null(session.url) : json_value()},
            {"expireTime", or_null(session.expire_time)},
            {"originalAmount", format_amount(session.original.amount, session.original.currency)},
            {"originalCurrency", session.original.currency},
            {"customerId", or_null(session.customer_id)},
            {"uiMode", to_string(session.mode)},
            {"createdAt", to_rfc3339(session.created_at)}};
}

json_value refusal_of(const session_record& session) {
    if (session.status != session_status::refused)
        return {};
    return json_object{{"code", session.refusal_code.value_or("")},
                       {"message", or_null(session.refusal_message)}};
}

bool may_see_id(const session_record& session, visibility seen) {
    return session.released() || seen == visibility::everything;
}

json_value to_json_attempt(const session_record& session, visibility seen) {
    return json_object{
        {"attempt", session.attempt},
        {"attemptId", session.id.str()},
        {"sessionId", may_see_id(session, seen) ? id_or_null(session.session_id) : json_value()},
        {"status", to_string(session.status)},
        {"paymentStatus", to_string(session.payment)},
        {"uiMode", to_string(session.mode)},
        {"originalAmount", format_amount(session.original.amount, session.original.currency)},
        {"originalCurrency", session.original.currency},
        {"customerId", or_null(session.customer_id)},
        {"createdAt", to_rfc3339(session.created_at)},
        {"releasedAt", or_null(session.released_at)},
        {"supersededAt", or_null(session.superseded_at)},
        {"expireTime", or_null(session.expire_time)},
        {"settledBy", name_or_null(session.settled_by)},
        {"checkedAt", or_null(session.checked_at)},
        {"refusal", refusal_of(session)}};
}

json_value to_json_payment(const order_record& order, const payment_record& payment, visibility seen) {
    const auto& session = *order.find_session(payment.attempt);
    const auto& asked = payment.original;
    return json_object{
        {"paymentId", std::to_string(payment.id)},
        {"sessionId", may_see_id(session, seen) ? id_or_null(session.session_id) : json_value()},
        {"clinkOrderId", id_or_null(payment.order_id)},
        {"attempt", session.attempt},
        {"kind", to_string(payment.kind)},
        {"verdict", to_string(payment.verdict)},
        {"originalAmount", format_amount(asked.amount, asked.currency)},
        {"originalCurrency", asked.currency},
        {"amountTotal", amount_or_null(payment.amount_total, payment.payment_currency)},
        {"paymentCurrency", or_null(payment.payment_currency)},
        {"amountSubtotal", amount_or_null(payment.amount_subtotal, asked.currency)},
        {"refundedAmount", format_amount(payment.refunded_amount, payment.payment_currency.value_or(""))},
        {"paymentTime", or_null(payment.payment_time)},
        {"recordedAt", to_rfc3339(payment.recorded_at)},
        {"evidence", to_string(payment.found_by)},
        {"subscriptionId", or_null(payment.subscription_id)},
        {"invoiceId", or_null(payment.invoice_id)}};
}

/// A session in a discrepancy's detail is one that was never released.
json_object to_json_discrepancy(const discrepancy_record& found, visibility seen) {
    json_object detail;
    for (const auto& [name, value] : found.detail)
        if (name != "sessionId" || seen == visibility::everything)
            detail.push_back({name, value});
    return json_object{{"id", std::to_string(found.id)},
                       {"kind", to_string(found.kind)},
                       {"openedAt", to_rfc3339(found.opened_at)},
                       {"detail", std::move(detail)}};
}

json_array to_json_discrepancies(const std::vector<discrepancy_record>& open, visibility seen) {
    json_array list;
    for (const auto& found : open)
        list.push_back(json_value(to_json_discrepancy(found, seen)));
    return list;
}

json_value to_json_refund(const refund_record& refund) {
    return json_object{
        {"refundId", refund.clink_id.str()},
        {"clinkOrderId", refund.order_id.str()},
        {"paymentId", refund.payment ? json_value(std::to_string(*refund.payment)) : json_value()},
        {"refundMerchantOrderId", or_null(refund.refund_merchant_order_id)},
        {"status", to_string(refund.status)},
        {"refundAmount", amount_or_null(refund.amount, refund.currency)},
        {"refundCurrency", or_null(refund.currency)},
        {"refundReason", or_null(refund.reason)},
        {"failureCode", or_null(refund.failure_code)},
        {"refundTime", or_null(refund.refund_time)},
        {"recordedAt", to_rfc3339(refund.recorded_at)},
        {"evidence", to_string(refund.found_by)}};
}

json_value to_json_dispute(const dispute_record& dispute) {
    return json_object{{"disputeId", dispute.clink_id.str()},
                       {"clinkOrderId", id_or_null(dispute.order_id)},
                       {"status", to_string(dispute.status)},
                       {"disputeAmount", amount_or_null(dispute.amount, dispute.currency)},
                       {"disputeCurrency", or_null(dispute.currency)},
                       {"reasonCode", or_null(dispute.reason_code)},
                       {"reason", or_null(dispute.reason)},
                       {"evidenceDeadline", or_null(dispute.evidence_deadline)},
                       {"saidAt", to_rfc3339(dispute.said_at)},
                       {"recordedAt", to_rfc3339(dispute.recorded_at)}};
}

const payment_record* find_payment(const session_outcome& outcome) {
    const auto& payments = outcome.order.payments;
    const auto found = std::ranges::find_if(payments, [&](const payment_record& p) {
        return p.attempt == outcome.attempt && p.kind == payment_kind::payment;
    });
    return found == payments.end() ? nullptr : &*found;
}

bool is_paid(const session_outcome& outcome) {
    const auto* payment = find_payment(outcome);
    return payment != nullptr && is_paid_in_full(payment->verdict);
}

std::string_view certainty_of(const session_outcome& outcome) {
    if (outcome.answered)
        return "confirmed";
    return outcome.session().checked_at ? "recorded" : "unknown";
}

json_value next_poll(const session_outcome& outcome) {
    const auto& session = outcome.session();
    const bool over = !outcome.could_move || (session.ended_at && outcome.answered);
    if (over)
        return {};
    return static_cast<std::int64_t>(
        std::max<std::chrono::milliseconds>(poll_interval, outcome.next_question).count());
}

/// Clink's id and answer of an attempt that was never released: an elements session's id is as good as its
/// page.
void hide_handle(json_value& data) {
    if (auto* members = data.if_object())
        std::erase_if(*members, [](const json_member& member) {
            return member.name == "clink" || member.name == "sessionId";
        });
}

/// The attempt whose terms bind: the one that was paid, else the current or coming one, else the last.
const session_record& find_binding(const order_record& order) {
    for (const auto& payment : order.payments)
        if (payment.kind == payment_kind::payment)
            return *order.find_session(payment.attempt);
    if (const auto* current = order.find_current())
        return *current;
    return order.sessions.back();
}

} // namespace

json_value to_json_page(const merchant_order_id& order, const session_record& session) {
    return session_members(order, session, true);
}

json_value to_json_session(const order_record& order, const session_record& session) {
    const bool payable = session.current() && !order.cancelled_at && order.payment_count == 0;
    auto members = session_members(order.id, session, payable);
    members.push_back({"settledBy", name_or_null(session.settled_by)});
    members.push_back({"checkedAt", or_null(session.checked_at)});
    return members;
}

json_value to_json_outcome(const session_outcome& outcome) {
    const auto& session = outcome.session();
    const auto* payment = find_payment(outcome);
    const bool unpaid =
        session.payment == payment_status::unpaid && session.status != session_status::completed;
    return json_object{
        {"merchantOrderId", outcome.order.id.str()},
        {"sessionId", id_or_null(session.session_id)},
        {"status", to_string(session.status)},
        {"paymentStatus", to_string(session.payment)},
        {"paid", is_paid(outcome)},
        {"amountTotal", payment != nullptr ? amount_or_null(payment->amount_total, payment->payment_currency)
                                           : json_value()},
        {"paymentCurrency", payment != nullptr ? or_null(payment->payment_currency) : json_value()},
        {"amountVerdict", payment != nullptr ? json_value(to_string(payment->verdict)) : json_value()},
        {"certainty", certainty_of(outcome)},
        {"stale", outcome.could_move && !outcome.answered},
        {"nextPollMs", next_poll(outcome)},
        {"mayRetryPayment", outcome.answered && unpaid && outcome.order.payment_count == 0}};
}

json_value to_json_order(const order_record& order, const std::vector<discrepancy_record>& open,
                         visibility seen) {
    json_array attempts;
    for (const auto& session : order.sessions)
        attempts.push_back(to_json_attempt(session, seen));
    json_array payments;
    for (const auto& payment : order.payments)
        payments.push_back(to_json_payment(order, payment, seen));
    json_array refunds;
    for (const auto& refund : order.refunds)
        refunds.push_back(to_json_refund(refund));
    json_array disputes;
    for (const auto& dispute : order.disputes)
        disputes.push_back(to_json_dispute(dispute));
    const auto& binding = find_binding(order);
    const bool paid = std::ranges::any_of(order.payments, [](const payment_record& p) {
        return p.kind == payment_kind::payment && is_paid_in_full(p.verdict);
    });
    return json_object{{"merchantOrderId", order.id.str()},
                       {"state", to_string(order.state)},
                       {"paid", paid},
                       {"terms", to_json_terms(binding.terms)},
                       {"originalAmount", format_amount(binding.original.amount, binding.original.currency)},
                       {"originalCurrency", binding.original.currency},
                       {"attempts", std::move(attempts)},
                       {"payments", std::move(payments)},
                       {"refunds", std::move(refunds)},
                       {"disputes", std::move(disputes)},
                       {"openDiscrepancies", to_json_discrepancies(open, seen)},
                       {"createdAt", to_rfc3339(order.created_at)},
                       {"updatedAt", to_rfc3339(order.updated_at)},
                       {"cancelledAt", or_null(order.cancelled_at)}};
}

json_value to_json_explanation(const order_record& order, const std::vector<discrepancy_record>& open,
                               visibility seen) {
    const auto ids = seen == visibility::everything ? unreleased_ids::shown : unreleased_ids::hidden;
    const auto explained = explain(order, open, ids);
    json_array sentences;
    for (const auto& sentence : explained.sentences)
        sentences.push_back(sentence);
    return json_object{{"merchantOrderId", order.id.str()},
                       {"state", to_string(order.state)},
                       {"asOf", to_rfc3339(order.read_at)},
                       {"sentences", std::move(sentences)},
                       {"openDiscrepancies", to_json_discrepancies(open, seen)},
                       {"nextCheckAt", or_null(explained.next_check_at)}};
}

json_value to_json_event(const event_record& event, visibility seen) {
    auto parsed = parse_json(event.data);
    json_value data = parsed ? std::move(*parsed) : json_value(json_object{});
    if (!event.released && seen == visibility::storefront)
        hide_handle(data);
    return json_object{{"eventId", std::to_string(event.id)},
                       {"kind", event.kind},
                       {"at", to_rfc3339_micros(event.at)},
                       {"attempt", event.attempt ? json_value(*event.attempt) : json_value()},
                       {"source", or_null(event.source)},
                       {"requestId", or_null(event.request_id)},
                       {"data", std::move(data)}};
}

json_value to_json_line(const discrepancy_line& line) {
    auto object = to_json_discrepancy(line.found, visibility::everything);
    object.push_back({"state", line.state});
    object.push_back({"subject", line.subject});
    object.push_back({"merchantOrderId", id_or_null(line.order_id)});
    object.push_back({"attempt", line.attempt ? json_value(*line.attempt) : json_value()});
    object.push_back({"sessionId", id_or_null(line.session_id)});
    object.push_back({"resolvedAt", or_null(line.resolved_at)});
    object.push_back({"resolution", or_null(line.resolution)});
    object.push_back({"note", or_null(line.note)});
    object.push_back({"resolvedBy", or_null(line.resolved_by)});
    return object;
}

json_object to_json_items(json_array items, std::optional<std::string> next_cursor) {
    return {{"items", std::move(items)}, {"nextCursor", or_null(next_cursor)}};
}

std::string_view redirect_status(const session_outcome& outcome) {
    if (is_paid(outcome))
        return "paid";
    const auto& session = outcome.session();
    const bool settled = outcome.answered || session.ended_at;
    if (!settled || session.payment != payment_status::unpaid || session.status == session_status::completed)
        return "processing";
    return session.status == session_status::expired ? "expired" : "unpaid";
}

} // namespace checkout
