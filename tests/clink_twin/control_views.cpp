#include "control_views.h"

#include <array>

namespace clink_twin {

namespace {

order_status read_waiting(const json_value& from) {
    auto name = find_text(from, "order_status").value_or("pending");
    if (name == "pending")
        return order_status::pending;
    if (name == "requires_action")
        return order_status::requires_action;
    throw control_error("order_status must be pending or requires_action");
}

std::optional<refund_outcome> read_refund_outcome(const json_value& from) {
    auto name = find_text(from, "outcome");
    if (!name)
        return std::nullopt;
    if (*name == "success")
        return refund_outcome::success;
    if (*name == "pending")
        return refund_outcome::pending;
    if (*name == "failed")
        return refund_outcome::failed;
    throw control_error("outcome must be success, pending or failed");
}

} // namespace

json_value order_view(const core& twin, const order& of) {
    auto body = order_json(of, true);
    twin.overrides.apply(of.id, body);
    json_array refunds;
    for (auto* each : twin.state.find_refunds(of.id))
        refunds.emplace_back(refund_json(*each));
    return json_object{{"order", std::move(body)}, {"refunds", std::move(refunds)}};
}

json_value session_view(const core& twin, const session& of) {
    auto body = session_json(of);
    twin.overrides.apply(of.id, body);
    json_array orders;
    for (auto* each : twin.state.find_orders_of_session(of))
        orders.emplace_back(order_json(*each, true));
    auto raw = checkout::parse_json(of.raw_body);
    return json_object{{"sessionId", of.id},
                       {"page_url", twin.page_url(of)},
                       {"status", to_text(of.status)},
                       {"paymentStatus", to_text(of.payment)},
                       {"left", of.left},
                       {"session", std::move(body)},
                       {"orders", std::move(orders)},
                       {"create_body", of.raw_body},
                       {"create_json", raw ? *raw : json_value()}};
}

json_value customers_view(core& twin) {
    json_array rows;
    for (auto& each : twin.state.customers().all())
        rows.emplace_back(json_object{
            {"customerId", each.id}, {"customerEmail", each.email}, {"referenceCustomerId", each.reference}});
    return rows;
}

payment_choice read_payment_choice(const json_value& from) {
    payment_choice choice;
    choice.method = find_text(from, "paymentMethodType").value_or("");
    choice.payment_currency = find_text(from, "paymentCurrency").value_or("");
    choice.exchange_rate = find_decimal(from, "exchange_rate");
    choice.amount_total = find_decimal(from, "amountTotal");
    choice.promotion_code = find_text(from, "promotionCode");
    choice.discount = find_decimal(from, "discount");
    choice.surcharge = find_decimal(from, "surcharge");
    choice.recurring = find_flag(from, "recurring").value_or(false);
    choice.stays_expired = find_flag(from, "stays_expired").value_or(false);
    choice.waiting = read_waiting(from);
    choice.failure_code = find_text(from, "failureCode").value_or(choice.failure_code);
    choice.failure_message = find_text(from, "failureMessage").value_or(choice.failure_message);
    return choice;
}

refund_terms read_refund_terms(const json_value& from, const order& of) {
    refund_terms terms;
    terms.order_id = of.id;
    terms.merchant_refund_id = find_text(from, "refundMerchantOrderId").value_or(make_id("dashboard_"));
    auto rest = decimal::subtract(of.amount_total, of.refunded);
    terms.amount = find_decimal(from, "refundAmount").value_or(rest.value_or(decimal()));
    terms.reason = find_text(from, "refundReason").value_or("Customer Initiated Refund");
    terms.outcome = read_refund_outcome(from);
    terms.failure_code = find_text(from, "failureCode").value_or(terms.failure_code);
    return terms;
}

dispute_terms read_dispute_terms(const json_value& from) {
    dispute_terms terms;
    terms.amount = find_decimal(from, "disputeAmount");
    auto number = find_integer(from, "status").value_or(1);
    if (number < 1 || number > 5)
        throw control_error("status must be 1 to 5");
    terms.status = static_cast<dispute_status>(number);
    return terms;
}

} // namespace clink_twin
