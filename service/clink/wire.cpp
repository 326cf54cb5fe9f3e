#include "clink/wire.h"

#include "clink/wire_values.h"

#include <algorithm>
#include <array>
#include <utility>

namespace checkout {
namespace {

template <class Id>
std::optional<Id> read_strong_id(const json_value* value) {
    auto text = read_id(value);
    return text ? std::optional(Id(std::move(*text))) : std::nullopt;
}

template <class Enum, std::size_t N>
Enum find_spelling(const std::array<std::pair<std::string_view, Enum>, N>& spellings, const json_value* value,
                   Enum otherwise) {
    const auto spelling = read_spelling(value);
    for (const auto& [text, meaning] : spellings)
        if (text == spelling)
            return meaning;
    return otherwise;
}

clink_session_status read_session_status(const json_value* value) {
    using enum clink_session_status;
    static constexpr auto spellings = std::to_array<std::pair<std::string_view, clink_session_status>>(
        {{"open", open}, {"complete", completed}, {"completed", completed}, {"expired", expired}});
    return find_spelling(spellings, value, unrecognised);
}

clink_payment_status read_payment_status(const json_value* value) {
    using enum clink_payment_status;
    static constexpr auto spellings = std::to_array<std::pair<std::string_view, clink_payment_status>>(
        {{"unpaid", unpaid}, {"processing", processing}, {"paid", paid}});
    return find_spelling(spellings, value, unrecognised);
}

clink_order_status read_order_status(const json_value* value) {
    using enum clink_order_status;
    static constexpr auto spellings = std::to_array<std::pair<std::string_view, clink_order_status>>(
        {{"created", created},
         {"pending", pending},
         {"requiresaction", requires_action},
         {"success", success},
         {"succeeded", success},
         {"failed", failed},
         {"partialrefunded", partially_refunded},
         {"partiallyrefunded", partially_refunded},
         {"refunded", refunded}});
    return find_spelling(spellings, value, unrecognised);
}

clink_order_type read_order_type(const json_value* value) {
    using enum clink_order_type;
    static constexpr auto spellings = std::to_array<std::pair<std::string_view, clink_order_type>>(
        {{"onetime", onetime}, {"recurring", recurring}});
    return find_spelling(spellings, value, unrecognised);
}

refund_status read_refund_status(const json_value* value) {
    using enum refund_status;
    static constexpr auto spellings =
        std::to_array<std::pair<std::string_view, refund_status>>({{"created", created},
                                                                   {"refunding", refunding},
                                                                   {"received", received},
                                                                   {"success", success},
                                                                   {"succeeded", success},
                                                                   {"failed", failed},
                                                                   {"closed", closed}});
    return find_spelling(spellings, value, unknown);
}

// A number on the wire: 1 pending, 2 processing, 3 won, 4 lost, 5 withdrawn.
dispute_status read_dispute_status(const json_value* value) {
    switch (read_integer(value).value_or(0)) {
    case 1:
        return dispute_status::pending;
    case 2:
        return dispute_status::processing;
    case 3:
        return dispute_status::won;
    case 4:
        return dispute_status::lost;
    case 5:
        return dispute_status::withdrawn;
    }
    return dispute_status::unknown;
}

// Nothing when the item is priced in another currency than the sum is to be in.
std::optional<decimal> read_line_total(const json_value& item, const std::optional<std::string>& currency) {
    const auto item_currency = read_currency(item.find("currency"));
    if (item_currency && currency && *item_currency != *currency)
        return std::nullopt;
    const auto unit_amount = read_amount(item.find("unitAmount"));
    const auto* count = item.find("quantity");
    const auto quantity = count && !count->is_null() ? read_integer(count) : 1;
    if (!unit_amount || !quantity || *quantity < 1)
        return std::nullopt;
    return decimal::multiply(*unit_amount, *quantity);
}

std::optional<decimal> read_items_total(const json_value* list, const std::optional<std::string>& currency) {
    const auto* items = list ? list->if_array() : nullptr;
    if (!items || items->empty())
        return std::nullopt;
    std::optional<decimal> sum = decimal();
    for (const auto& item : *items) {
        const auto line = read_line_total(item, currency);
        sum = line ? decimal::add(*sum, *line) : std::nullopt;
        if (!sum)
            return std::nullopt;
    }
    return sum;
}

// Metadata is an object; older pages show it as the JSON text of one (clink-api.md 11, 20).
std::optional<std::string> read_attempt_id(const json_value* metadata) {
    if (!metadata)
        return std::nullopt;
    if (const auto* text = metadata->if_string()) {
        const auto parsed = parse_json(*text);
        return parsed ? read_id(parsed->find("checkoutAttemptId")) : std::nullopt;
    }
    return read_id(metadata->find("checkoutAttemptId"));
}

// Two names for one field: `expireTime` in a create's answer, `expire` in a GET's (11, 28).
std::optional<instant> read_expiry(const json_value& object) {
    const auto expiry = read_instant(object.find("expireTime"));
    return expiry ? expiry : read_instant(object.find("expire"));
}

std::optional<std::string> read_customer_id(const json_value& object) {
    const auto* customer = object.find("customer");
    auto id = read_id(customer ? customer->find("customerId") : nullptr);
    return id ? id : read_id(object.find("customerId"));
}

// What sessions and orders have in common, under the same names.
template <class Facts>
void read_common(Facts& facts, const json_value& object) {
    facts.merchant_reference_id = read_id(object.find("merchantReferenceId"));
    facts.checkout_attempt_id = read_attempt_id(object.find("metadata"));
    facts.amount_subtotal = read_amount(object.find("amountSubtotal"));
    facts.amount_total = read_amount(object.find("amountTotal"));
    facts.payment_currency = read_currency(object.find("paymentCurrency"));
    facts.original_currency = read_currency(object.find("originalCurrency"));
    facts.items_total = read_items_total(object.find("priceDataList"), facts.original_currency);
    facts.subscription_id = read_id(object.find("subscriptionId"));
    facts.invoice_id = read_id(object.find("invoiceId"));
}

} // namespace

std::optional<created_session> read_created_session(const json_value& data, ui_mode mode) {
    auto id = read_strong_id<clink_session_id>(data.find("sessionId"));
    auto url = read_text(data.find("url"));
    if (!id || (!url && mode == ui_mode::hosted_page))
        return std::nullopt;
    created_session created;
    created.session_id = std::move(*id);
    created.url = std::move(url);
    created.customer_id = read_id(data.find("customerId"));
    created.original_amount = read_amount(data.find("originalAmount"));
    created.original_currency = read_currency(data.find("originalCurrency"));
    created.merchant_reference_id = read_id(data.find("merchantReferenceId"));
    created.expire_time = read_expiry(data);
    return created;
}

std::optional<session_facts> read_session_facts(const json_value& object) {
    auto id = read_strong_id<clink_session_id>(object.find("sessionId"));
    if (!id)
        return std::nullopt;
    session_facts session;
    session.session_id = std::move(*id);
    session.status = read_session_status(object.find("status"));
    session.payment_status = read_payment_status(object.find("paymentStatus"));
    session.order_id = read_strong_id<clink_order_id>(object.find("orderId"));
    session.customer_id = read_customer_id(object);
    session.expire_time = read_expiry(object);
    read_common(session, object);
    return session;
}

std::optional<order_facts> read_order_facts(const json_value& object) {
    auto id = read_strong_id<clink_order_id>(object.find("orderId"));
    if (!id)
        return std::nullopt;
    order_facts order;
    order.order_id = std::move(*id);
    order.type = read_order_type(object.find("type"));
    order.status = read_order_status(object.find("status"));
    order.session_id = read_strong_id<clink_session_id>(object.find("sessionId"));
    order.failure_code = read_id(object.find("failureCode"));
    order.payment_time = read_instant(object.find("paymentTime"));
    read_common(order, object);
    return order;
}

std::optional<order_page> read_order_page(const json_value& envelope) {
    const auto total = read_integer(envelope.find("total"));
    const auto* list = envelope.find("rows");
    const auto* rows = list ? list->if_array() : nullptr;
    if (!rows)
        return total == 0 ? std::optional(order_page{.orders = {}, .total = 0}) : std::nullopt;
    order_page page;
    for (const auto& row : *rows) {
        auto order = read_order_facts(row);
        if (!order)
            return std::nullopt;
        page.orders.push_back(std::move(*order));
    }
    page.total = total;
    return page;
}

std::optional<refund_facts> read_refund_facts(const json_value& object) {
    auto id = read_strong_id<clink_refund_id>(object.find("refundId"));
    auto order = read_strong_id<clink_order_id>(object.find("orderId"));
    if (!id || !order)
        return std::nullopt;
    refund_facts refund;
    refund.refund_id = std::move(*id);
    refund.order_id = std::move(*order);
    refund.status = read_refund_status(object.find("status"));
    refund.refund_merchant_order_id = read_id(object.find("refundMerchantOrderId"));
    refund.amount = read_amount(object.find("refundAmount"));
    if (refund.amount && refund.amount->is_negative())
        refund.amount.reset(); // says nothing of what was paid back
    refund.currency = read_currency(object.find("refundCurrency"));
    refund.reason = read_id(object.find("refundReason"));
    refund.failure_code = read_id(object.find("failureCode"));
    refund.create_time = read_instant(object.find("createTime"));
    return refund;
}

std::optional<dispute_facts> read_dispute_facts(const json_value& object) {
    auto id = read_strong_id<clink_dispute_id>(object.find("chargeBackId"));
    if (!id)
        return std::nullopt;
    dispute_facts dispute;
    dispute.dispute_id = std::move(*id);
    dispute.order_id = read_strong_id<clink_order_id>(object.find("orderId"));
    dispute.merchant_reference_id = read_id(object.find("merchantReferenceId"));
    dispute.status = read_dispute_status(object.find("status"));
    dispute.amount = read_amount(object.find("disputeAmount"));
    dispute.currency = read_currency(object.find("disputeCurrency"));
    dispute.reason_code = read_id(object.find("reasonCode"));
    dispute.reason = read_id(object.find("reasonDescription"));
    dispute.evidence_deadline = read_instant(object.find("evidenceDeadline"));
    return dispute;
}

} // namespace checkout
