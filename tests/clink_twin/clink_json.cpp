#include "clink_json.h"

namespace clink_twin {

namespace {

std::string_view to_text(order_type type) {
    switch (type) {
    case order_type::onetime:
        return "onetime";
    case order_type::recurring:
        return "recurring";
    }
    return {};
}

std::string_view to_text(ui_mode mode) {
    switch (mode) {
    case ui_mode::hosted_page:
        return "hostedPage";
    case ui_mode::elements:
        return "elements";
    }
    return {};
}

json_value items_json(const std::optional<std::vector<line_item>>& items) {
    if (!items)
        return nullptr;
    json_array array;
    for (auto& item : *items) {
        json_object object = {{"name", item.name},
                              {"quantity", item.quantity},
                              {"unitAmount", number_json(item.unit_amount)},
                              {"currency", optional_json(item.currency)}};
        if (item.image_url)
            object.push_back({"imageUrl", *item.image_url});
        array.emplace_back(std::move(object));
    }
    return array;
}

/// 3.2: of an inline session an object whose members are all null.
json_value price_json(const session_terms& terms) {
    if (!terms.price_id)
        return json_object{{"priceId", nullptr}, {"priceList", nullptr}, {"recurring", nullptr}};
    json_array list = {json_object{{"amount", number_json(terms.original_amount)},
                                   {"currency", terms.original_currency},
                                   {"exchangeRate", 1}}};
    return json_object{{"priceId", *terms.price_id}, {"priceList", std::move(list)}, {"recurring", nullptr}};
}

json_value product_json(const session_terms& terms) {
    if (!terms.product_id)
        return nullptr;
    return json_object{{"productId", *terms.product_id}, {"productName", "Product " + *terms.product_id}};
}

json_value text_or_null(const std::string& text) {
    return text.empty() ? json_value() : json_value(text);
}

json_value time_or_null(const std::optional<instant>& at) {
    return at ? json_value(to_milliseconds(*at)) : json_value();
}

json_value payment_method_json(const order& of) {
    auto card = !of.card_last_four.empty() && !of.card_scheme.empty();
    return json_object{{"paymentMethodType", of.payment_method},
                       {"paymentInstrumentId", of.instrument_id},
                       {"cardScheme", text_or_null(of.card_scheme)},
                       {"cardLastFour", card ? json_value(of.card_last_four) : json_value()},
                       {"issuerRegion", card ? json_value("USA") : json_value()},
                       {"issuerBank", nullptr},
                       {"wallet", nullptr}};
}

} // namespace

std::string_view to_text(session_status status) {
    switch (status) {
    case session_status::open:
        return "open";
    case session_status::completed:
        return "completed";
    case session_status::expired:
        return "expired";
    }
    return {};
}

std::string_view to_text(payment_status status) {
    switch (status) {
    case payment_status::unpaid:
        return "unpaid";
    case payment_status::processing:
        return "processing";
    case payment_status::paid:
        return "paid";
    }
    return {};
}

std::string_view to_text(order_status status) {
    switch (status) {
    case order_status::created:
        return "created";
    case order_status::pending:
        return "pending";
    case order_status::requires_action:
        return "requires_action";
    case order_status::success:
        return "success";
    case order_status::failed:
        return "failed";
    case order_status::partial_refunded:
        return "partial_refunded";
    case order_status::refunded:
        return "refunded";
    }
    return {};
}

std::string_view to_text(refund_status status) {
    switch (status) {
    case refund_status::created:
        return "created";
    case refund_status::success:
        return "success";
    case refund_status::failed:
        return "failed";
    }
    return {};
}

std::string page_path(const session& of) {
    return "/pay/" + of.id + "%23" + of.token;
}

json_object created_session_json(const session& of, json_value url) {
    return {{"sessionId", of.id},
            {"tokenValue", of.token},
            {"customerId", of.customer_id},
            {"originalAmount", number_json(of.terms.original_amount)},
            {"originalCurrency", of.terms.original_currency},
            {"url", std::move(url)},
            {"merchantReferenceId", optional_json(of.terms.merchant_reference_id)},
            {"expireTime", time_json(of.expires)},
            {"uiMode", to_text(of.terms.mode)},
            {"returnUrl", optional_json(of.terms.return_url)}};
}

json_object session_json(const session& of) {
    return {
        {"sessionId", of.id},
        {"token", of.token},
        {"status", to_text(of.status)},
        {"paymentStatus", to_text(of.payment)},
        {"amountSubtotal", number_json(of.terms.original_amount)},
        {"amountTotal", optional_json(of.amount_total)},
        {"originalCurrency", of.terms.original_currency},
        {"paymentCurrency", optional_json(of.payment_currency)},
        {"subscriptionId", optional_json(of.subscription_id)},
        {"invoiceId", optional_json(of.invoice_id)},
        {"orderId", optional_json(of.order_id)},
        {"merchantReferenceId", optional_json(of.terms.merchant_reference_id)},
        {"locale", of.payment == payment_status::paid ? json_value("en-US") : json_value()},
        {"uiMode", to_text(of.terms.mode)},
        {"returnUrl", optional_json(of.terms.return_url)},
        {"cancelUrl", optional_json(of.terms.cancel_url)},
        {"successUrl", optional_json(of.terms.success_url)},
        {"created", time_json(of.created)},
        {"expire", time_json(of.expires)},
        {"price", price_json(of.terms)},
        {"product", product_json(of.terms)},
        {"customer", json_object{{"customerId", of.customer_id}, {"email", text_or_null(of.customer_email)}}},
        {"priceDataList", items_json(of.terms.items)},
        {"metadata", map_json(of.terms.metadata)},
        {"showPromotionCode", of.terms.show_promotion_code}};
}

json_object null_heavy_session_json(const session& of) {
    auto body = session_json(of);
    for (auto* name : {"amountTotal", "paymentCurrency", "orderId", "invoiceId", "subscriptionId", "customer",
                       "locale", "product", "priceDataList", "returnUrl"})
        set_member(body, name, nullptr);
    set_member(body, "price",
               json_object{{"priceId", nullptr}, {"priceList", nullptr}, {"recurring", nullptr}});
    return body;
}

json_object order_json(const order& of, bool with_create_time) {
    json_object body = {{"orderId", of.id},
                        {"type", to_text(of.type)},
                        {"sessionId", of.session_id},
                        {"merchantReferenceId", optional_json(of.merchant_reference_id)},
                        {"invoiceId", optional_json(of.invoice_id)},
                        {"customerId", of.customer_id},
                        {"customerEmail", of.customer_email},
                        {"productId", optional_json(of.product_id)},
                        {"priceId", optional_json(of.price_id)},
                        {"priceDataList", items_json(of.items)},
                        {"paymentMethod", payment_method_json(of)},
                        {"paymentExecutionDetails", nullptr},
                        {"amountSubtotal", number_json(of.amount_subtotal)},
                        {"amountTotal", number_json(of.amount_total)},
                        {"paymentCurrency", of.payment_currency},
                        {"originalCurrency", of.original_currency},
                        {"status", to_text(of.status)},
                        {"paymentTime", time_or_null(of.payment_time)},
                        {"metadata", map_json(of.metadata)},
                        {"riskLevel", of.payment_time ? json_value("LOW") : json_value()}};
    if (!of.failure_code.empty()) {
        body.push_back({"failureCode", of.failure_code});
        body.push_back({"failureMessage", of.failure_message});
    }
    if (with_create_time)
        body.push_back({"createTime", to_milliseconds(of.create_time)});
    return body;
}

json_object refund_json(const refund& of) {
    json_object body = {{"createTime", to_milliseconds(of.create_time)},
                        {"refundId", of.id},
                        {"refundMerchantOrderId", of.merchant_refund_id},
                        {"orderId", of.order_id},
                        {"customerId", of.customer_id},
                        {"refundAmount", number_json(of.amount)},
                        {"refundCurrency", of.currency},
                        {"status", to_text(of.status)},
                        {"refundReason", of.reason},
                        {"paymentInstrumentId", of.instrument_id},
                        {"metadata", json_object{}}};
    if (!of.failure_code.empty()) {
        body.push_back({"failureCode", of.failure_code});
        body.push_back({"failureMessage", of.failure_code});
    }
    return body;
}

json_object dispute_json(const dispute& of) {
    constexpr std::int64_t week_ms = 7LL * 24 * 3600 * 1000;
    return {{"chargeBackId", of.id},
            {"orderId", of.order_id},
            {"merchantReferenceId", of.merchant_reference_id.value_or(" ")},
            {"merchantId", "mcht_twin"},
            {"customerId", of.customer_id},
            {"disputeAmount", number_json(of.amount)},
            {"disputeCurrency", of.currency},
            {"originalAmount", number_json(of.original_amount)},
            {"originalCurrency", of.original_currency},
            {"reasonCode", "10.4"},
            {"reasonDescription", "Other Fraud - Card-Absent Environment"},
            {"status", static_cast<int>(of.status)},
            {"evidenceDeadline", to_milliseconds(of.opened) + week_ms},
            {"channelDisputeTime", to_milliseconds(of.opened)},
            {"networkReasonCode", "10.4"}};
}

void override_book::put(const std::string& id, const json_object& members) {
    for (auto& member : members)
        set_member(members_[id], member.name, member.value);
}

void override_book::apply(const std::string& id, json_object& onto) const {
    auto found = members_.find(id);
    if (found == members_.end())
        return;
    for (auto& member : found->second)
        set_member(onto, member.name, member.value);
}

} // namespace clink_twin
