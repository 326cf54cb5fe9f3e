#include "support/request_text.h"

#include <string>

namespace checkout {

namespace {

class members {
public:
    members& set(std::string_view name, json_value value) {
        object_.push_back({std::string(name), std::move(value)});
        return *this;
    }
    template <class T>
    members& set_if(std::string_view name, const std::optional<T>& value) {
        return value ? set(name, json_value(*value)) : *this;
    }
    json_value take() { return std::move(object_); }

private:
    json_object object_;
};

json_value to_json(const std::vector<line_item>& items, const std::string& currency) {
    json_array list;
    for (const auto& item : items)
        list.push_back(members()
                           .set("name", item.name)
                           .set("unitAmount", format_amount(item.unit_amount, currency))
                           .set("quantity", item.quantity)
                           .set_if("currency", item.currency)
                           .set_if("imageUrl", item.image_url)
                           .take());
    return list;
}

json_value to_json(const std::vector<std::pair<std::string, std::string>>& metadata) {
    members list;
    for (const auto& [key, value] : metadata)
        list.set(key, value);
    return list.take();
}

json_value to_json(const std::vector<extra_member>& extra) {
    members list;
    for (const auto& member : extra)
        list.set(member.name, parse_json(member.json).value());
    return list.take();
}

} // namespace

json_value to_request_json(const create_request& request) {
    const auto& terms = request.terms;
    members body;
    body.set("merchantOrderId", request.order_id.str())
        .set("originalAmount", format_amount(terms.original.amount, terms.original.currency))
        .set("originalCurrency", terms.original.currency)
        .set_if("customerId", terms.customer_id)
        .set_if("customerEmail", terms.customer_email)
        .set_if("referenceCustomerId", terms.reference_customer_id)
        .set_if("productId", terms.product_id)
        .set_if("priceId", terms.price_id)
        .set("uiMode", to_string(terms.mode))
        .set_if("successUrl", terms.success_url)
        .set_if("cancelUrl", terms.cancel_url)
        .set_if("returnUrl", terms.return_url)
        .set_if("paymentMethodType", terms.payment_method_type)
        .set_if("directPaymentQrCodePaymentMethodType", terms.direct_payment_qr_code_method_type)
        .set_if("allowPromotionCodes", terms.allow_promotion_codes)
        .set_if("promotionCode", terms.promotion_code)
        .set_if("showPromotionCode", terms.show_promotion_code)
        .set_if("localPriceOnly", terms.local_price_only)
        .set("paymentMethodTypeBlackList", json_array(terms.payment_method_type_blacklist.begin(),
                                                      terms.payment_method_type_blacklist.end()))
        .set("metadata", to_json(terms.metadata))
        .set("supersede", request.supersede)
        .set("extra", to_json(terms.extra));
    if (!terms.items.empty())
        body.set("priceDataList", to_json(terms.items, terms.original.currency));
    return body.take();
}

} // namespace checkout
