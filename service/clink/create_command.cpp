#include "clink/create_command.h"

#include "json/json.h"

namespace checkout {
namespace {

constexpr std::string_view attempt_key = "checkoutAttemptId";

json_value to_json(const std::string& text) {
    return text;
}
json_value to_json(bool value) {
    return value;
}
json_value to_json(const decimal& amount) {
    return json_number{amount.to_string()};
}

template <class T>
void put(json_object& object, std::string_view name, const T& value) {
    object.push_back({std::string(name), to_json(value)});
}

template <class T>
void put(json_object& object, std::string_view name, const std::optional<T>& value) {
    if (value)
        put(object, name, *value);
}

json_object to_json(const line_item& item) {
    json_object object;
    put(object, "name", item.name);
    put(object, "unitAmount", item.unit_amount);
    object.push_back({"quantity", item.quantity});
    put(object, "currency", item.currency);
    put(object, "imageUrl", item.image_url);
    return object;
}

void put_items(json_object& body, const std::vector<line_item>& items) {
    if (items.empty())
        return;
    json_array list;
    for (const auto& item : items)
        list.push_back(to_json(item));
    body.push_back({"priceDataList", std::move(list)});
}

void put_blacklist(json_object& body, const std::vector<std::string>& methods) {
    if (!methods.empty())
        body.push_back({"paymentMethodTypeBlackList", json_array(methods.begin(), methods.end())});
}

void put_metadata(json_object& body, const create_command& command) {
    json_object metadata;
    for (const auto& [key, value] : command.terms.metadata)
        if (key != attempt_key)
            put(metadata, key, value);
    put(metadata, attempt_key, command.attempt.str());
    body.push_back({"metadata", std::move(metadata)});
}

json_object to_json(const create_command& command) {
    const auto& terms = command.terms;
    json_object body;
    put(body, "customerId", terms.customer_id);
    put(body, "customerEmail", terms.customer_email);
    put(body, "referenceCustomerId", terms.reference_customer_id);
    put(body, "originalAmount", terms.original.amount);
    put(body, "originalCurrency", terms.original.currency);
    put(body, "merchantReferenceId", command.order_id.str());
    put(body, "productId", terms.product_id);
    put(body, "priceId", terms.price_id);
    put_items(body, terms.items);
    put(body, "uiMode", std::string(to_string(terms.mode)));
    put(body, "successUrl", command.success_url);
    put(body, "cancelUrl", command.cancel_url);
    put(body, "returnUrl", terms.return_url);
    put(body, "paymentMethodType", terms.payment_method_type);
    put_blacklist(body, terms.payment_method_type_blacklist);
    put(body, "directPaymentQrCodePaymentMethodType", terms.direct_payment_qr_code_method_type);
    put(body, "allowPromotionCodes", terms.allow_promotion_codes);
    put(body, "promotionCode", terms.promotion_code);
    put(body, "showPromotionCode", terms.show_promotion_code);
    put(body, "localPriceOnly", terms.local_price_only);
    put_metadata(body, command);
    return body;
}

} // namespace

// The extra members are spliced in as text: they are JSON already, and reading them again could only change
// them.
std::string write_create_body(const create_command& command) {
    auto text = write_json(to_json(command));
    text.pop_back();
    for (const auto& [name, json] : command.terms.extra)
        text.append(",").append(write_json_string(name)).append(":").append(json);
    return text + "}";
}

} // namespace checkout
