#include "create_request.h"

#include <algorithm>
#include <array>

namespace clink_twin {

namespace {

constexpr std::array<std::string_view, 12> method_names = {"CARD",      "CASHAPP",  "WECHAT", "KAKAO",
                                                           "PIX",       "ALIPAY",   "UPI",    "PAYPAL",
                                                           "GOOGLEPAY", "APPLEPAY", "QRIS",   "GCASH"};
constexpr std::size_t max_metadata_keys = 20;
constexpr std::size_t max_metadata_key = 40;
constexpr std::size_t max_metadata_value = 500;

/// The first thing wrong ends the reading: Clink's answer has room for one message.
[[noreturn]] void refuse(std::string message) {
    throw refusal{400, std::move(message)};
}

bool is_currency(std::string_view text) {
    return text.size() == 3 && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_method(std::string_view name) {
    return std::ranges::find(method_names, name) != method_names.end();
}

std::optional<std::string> non_empty(const json_value& object, std::string_view name) {
    auto text = find_text(object, name);
    return text && text->empty() ? std::nullopt : text;
}

decimal positive(const json_value& object, std::string_view name) {
    auto amount = find_decimal(object, name);
    if (!amount || amount->is_negative() || amount->is_zero())
        refuse(std::string(name) + " must be greater than 0");
    return *amount;
}

bool has_instrument_import(const json_value& body) {
    auto* import = body.find("historicalPaymentInstrumentImport");
    if (!import || !import->if_object())
        return false;
    return non_empty(*import, "channelAlias") && non_empty(*import, "channelCustomerReference");
}

line_item read_item(const json_value& value) {
    line_item item;
    item.name = non_empty(value, "name").value_or("");
    if (item.name.empty())
        refuse("priceDataList: name is required");
    item.unit_amount = positive(value, "unitAmount");
    item.quantity = find_integer(value, "quantity").value_or(1);
    if (item.quantity < 1)
        refuse("priceDataList: quantity must be at least 1");
    item.currency = non_empty(value, "currency");
    item.image_url = non_empty(value, "imageUrl");
    return item;
}

std::optional<std::vector<line_item>> read_items(const json_value& body) {
    auto* list = body.find("priceDataList");
    if (!list || list->is_null())
        return std::nullopt;
    auto* array = list->if_array();
    if (!array)
        refuse("priceDataList must be an array");
    std::vector<line_item> items;
    for (auto& each : *array)
        items.push_back(read_item(each));
    return items.empty() ? std::nullopt : std::optional(std::move(items));
}

text_map read_metadata(const json_value& body) {
    text_map result;
    auto* metadata = body.find("metadata");
    if (!metadata || metadata->is_null())
        return result;
    auto* object = metadata->if_object();
    if (!object || object->size() > max_metadata_keys)
        refuse("metadata must be an object of at most 20 keys");
    for (auto& member : *object) {
        auto value = text_of(member.value, "metadata");
        if (member.name.size() > max_metadata_key || value.size() > max_metadata_value)
            refuse("metadata: key or value is too long");
        result.emplace_back(member.name, value);
    }
    return result;
}

std::vector<std::string> read_hidden_methods(const json_value& body) {
    std::vector<std::string> result;
    auto* list = body.find("paymentMethodTypeBlackList");
    if (!list || list->is_null())
        return result;
    auto* array = list->if_array();
    if (!array)
        refuse("paymentMethodTypeBlackList must be an array");
    for (auto& each : *array)
        result.push_back(text_of(each, "paymentMethodTypeBlackList"));
    return result;
}

void check_items_add_up(const session_terms& terms) {
    decimal sum;
    for (auto& item : *terms.items) {
        if (item.currency && *item.currency != terms.original_currency)
            refuse("priceDataList: currency differs from originalCurrency");
        auto line = decimal::multiply(item.unit_amount, item.quantity);
        auto next = line ? decimal::add(sum, *line) : std::nullopt;
        if (!next)
            refuse("priceDataList: the amounts do not fit");
        sum = *next;
    }
    if (sum != terms.original_amount)
        refuse("originalAmount differs from the sum of priceDataList");
}

void check_strictly(const session_terms& terms, const json_value& body) {
    if (terms.product_id.has_value() != terms.price_id.has_value())
        refuse("productId and priceId must be given together");
    if (terms.product_id && terms.items)
        refuse("priceDataList cannot be combined with productId and priceId");
    if (terms.items)
        check_items_add_up(terms);
    if (!terms.show_promotion_code && terms.promotion_code.empty())
        refuse("promotionCode is required when showPromotionCode is false");
    if (!terms.payment_method_type.empty() && !is_method(terms.payment_method_type))
        refuse("paymentMethodType is not supported");
    if (!std::ranges::all_of(terms.hidden_methods, is_method))
        refuse("paymentMethodTypeBlackList holds an unsupported method");
    auto qr = find_text(body, "directPaymentQrCodePaymentMethodType");
    if (qr && *qr != "CASHAPP" && *qr != "QRIS")
        refuse("directPaymentQrCodePaymentMethodType is not supported");
}

ui_mode read_mode(const json_value& body) {
    auto mode = find_text(body, "uiMode").value_or("hostedPage");
    if (mode == "elements")
        return ui_mode::elements;
    if (mode != "hostedPage")
        refuse("uiMode must be hostedPage or elements");
    return ui_mode::hosted_page;
}

session_terms read_terms(const json_value& body) {
    session_terms terms;
    terms.original_amount = positive(body, "originalAmount");
    terms.original_currency = find_text(body, "originalCurrency").value_or("");
    if (!is_currency(terms.original_currency))
        refuse("originalCurrency must be a three-letter ISO code");
    terms.who = {find_text(body, "customerId").value_or(""), find_text(body, "customerEmail").value_or(""),
                 find_text(body, "referenceCustomerId").value_or(""), has_instrument_import(body)};
    terms.merchant_reference_id = find_text(body, "merchantReferenceId");
    terms.price_id = non_empty(body, "priceId");
    terms.product_id = non_empty(body, "productId");
    terms.items = read_items(body);
    terms.mode = read_mode(body);
    terms.success_url = non_empty(body, "successUrl");
    terms.cancel_url = non_empty(body, "cancelUrl");
    terms.return_url = non_empty(body, "returnUrl");
    if (terms.mode == ui_mode::elements && !terms.return_url)
        refuse("returnUrl is required when uiMode is elements");
    terms.payment_method_type = find_text(body, "paymentMethodType").value_or("");
    terms.hidden_methods = read_hidden_methods(body);
    terms.allow_promotion_codes = find_flag(body, "allowPromotionCodes").value_or(false);
    terms.show_promotion_code = find_flag(body, "showPromotionCode").value_or(true);
    terms.local_price_only = find_flag(body, "localPriceOnly").value_or(false);
    terms.promotion_code = find_text(body, "promotionCode").value_or("");
    terms.metadata = read_metadata(body);
    return terms;
}

} // namespace

outcome<session_terms> read_create_request(const json_value& body, bool strict) {
    if (!body.if_object())
        return refusal{400, "the body must be a JSON object"};
    try {
        auto terms = read_terms(body);
        if (strict)
            check_strictly(terms, body);
        return terms;
    } catch (const refusal& no) {
        return no;
    } catch (const control_error& wrong_kind) {
        return refusal{400, wrong_kind.what()};
    }
}

} // namespace clink_twin
