#include "support/facts_text.h"

#include "http/text_rules.h"
#include "support/property.h"

#include <algorithm>
#include <string_view>

namespace checkout {

namespace {

constexpr std::size_t max_id_bytes = 512;
constexpr std::size_t max_text_bytes = 64 * 1024;
const instant first_time = parse_date("1970-01-01").value();
const instant end_of_time = parse_rfc3339("9999-12-31T23:59:59.999999Z").value();

/// What PostgreSQL's text and an index can hold.
void check_text(std::string_view text, std::size_t max_bytes) {
    must(!text.empty() && text.size() <= max_bytes, "a text is not empty and bounded");
    must(text != "null" && text.find_first_not_of(' ') != std::string_view::npos, "an unset text is none");
    must(decode_utf8(text).has_value(), "a text is UTF-8");
    must(std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }),
         "a text has no control characters");
}

void check_currency(std::string_view code) {
    must(code.size() == 3 && std::ranges::all_of(code, [](char c) { return c >= 'A' && c <= 'Z'; }),
         "a currency is three upper-case letters");
}

/// Gathers a value's members, checking each.
class teller {
public:
    template <class Tag>
    teller& id(std::string_view name, const text_id<Tag>& id) {
        check_text(id.str(), max_id_bytes);
        return add(name, id.str());
    }
    template <class Tag>
    teller& id(std::string_view name, const std::optional<text_id<Tag>>& found) {
        return found ? id(name, *found) : *this;
    }
    teller& id(std::string_view name, const std::optional<std::string>& found) {
        return text(name, found, max_id_bytes);
    }
    teller& text(std::string_view name, const std::optional<std::string>& found, std::size_t max_bytes) {
        if (found)
            check_text(*found, max_bytes);
        return found ? add(name, *found) : *this;
    }
    teller& currency(std::string_view name, const std::optional<std::string>& found) {
        if (found)
            check_currency(*found);
        return found ? add(name, *found) : *this;
    }
    teller& amount(std::string_view name, const std::optional<decimal>& found) {
        return found ? add(name, found->to_string()) : *this;
    }
    teller& time(std::string_view name, const std::optional<instant>& found) {
        must(!found || (*found >= first_time && *found <= end_of_time), "a time is of 1970 to 9999");
        return found ? add(name, to_rfc3339_micros(*found)) : *this;
    }
    template <class Enum>
    teller& word(std::string_view name, Enum value) {
        return add(name, std::to_string(static_cast<int>(value)));
    }

    std::string take() { return std::move(told_); }

private:
    teller& add(std::string_view name, std::string_view value) {
        told_.append(name).append("=").append(value).append("\n");
        return *this;
    }

    std::string told_;
};

template <class Facts>
void tell_common(teller& tell, const Facts& facts) {
    tell.id("merchantReferenceId", facts.merchant_reference_id)
        .id("checkoutAttemptId", facts.checkout_attempt_id)
        .amount("amountSubtotal", facts.amount_subtotal)
        .amount("amountTotal", facts.amount_total)
        .currency("paymentCurrency", facts.payment_currency)
        .currency("originalCurrency", facts.original_currency)
        .amount("items", facts.items_total)
        .id("subscriptionId", facts.subscription_id)
        .id("invoiceId", facts.invoice_id);
}

} // namespace

std::string text_of(const created_session& created) {
    return teller()
        .id("sessionId", created.session_id)
        .text("url", created.url, max_text_bytes)
        .id("customerId", created.customer_id)
        .amount("originalAmount", created.original_amount)
        .currency("originalCurrency", created.original_currency)
        .id("merchantReferenceId", created.merchant_reference_id)
        .time("expireTime", created.expire_time)
        .take();
}

std::string text_of(const session_facts& session) {
    teller tell;
    tell.id("sessionId", session.session_id)
        .word("status", session.status)
        .word("paymentStatus", session.payment_status)
        .id("orderId", session.order_id)
        .id("customerId", session.customer_id)
        .time("expireTime", session.expire_time);
    tell_common(tell, session);
    return tell.take();
}

std::string text_of(const order_facts& order) {
    teller tell;
    tell.id("orderId", order.order_id)
        .word("type", order.type)
        .word("status", order.status)
        .id("sessionId", order.session_id)
        .id("failureCode", order.failure_code)
        .time("paymentTime", order.payment_time);
    tell_common(tell, order);
    return tell.take();
}

std::string text_of(const order_page& page) {
    std::string text = "total=" + (page.total ? std::to_string(*page.total) : "?") + "\n";
    for (const auto& order : page.orders)
        text += text_of(order) + "\n";
    return text;
}

std::string text_of(const refund_facts& refund) {
    return teller()
        .id("refundId", refund.refund_id)
        .id("orderId", refund.order_id)
        .word("status", refund.status)
        .id("refundMerchantOrderId", refund.refund_merchant_order_id)
        .amount("refundAmount", refund.amount)
        .currency("refundCurrency", refund.currency)
        .id("refundReason", refund.reason)
        .id("failureCode", refund.failure_code)
        .time("createTime", refund.create_time)
        .take();
}

std::string text_of(const dispute_facts& dispute) {
    return teller()
        .id("chargeBackId", dispute.dispute_id)
        .id("orderId", dispute.order_id)
        .id("merchantReferenceId", dispute.merchant_reference_id)
        .word("status", dispute.status)
        .amount("disputeAmount", dispute.amount)
        .currency("disputeCurrency", dispute.currency)
        .id("reasonCode", dispute.reason_code)
        .id("reasonDescription", dispute.reason)
        .time("evidenceDeadline", dispute.evidence_deadline)
        .take();
}

} // namespace checkout
