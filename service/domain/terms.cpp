#include "domain/terms.h"

#include "crypto/digest.h"

#include <stdexcept>
#include <string_view>

namespace checkout {

namespace {

/// RFC 6901.
std::string escape(std::string_view token) {
    std::string escaped;
    for (const char c : token) {
        if (c == '~')
            escaped += "~0";
        else if (c == '/')
            escaped += "~1";
        else
            escaped += c;
    }
    return escaped;
}

void set(recorded_terms& terms, std::string pointer, const std::optional<std::string>& value) {
    if (value)
        terms.emplace(std::move(pointer), *value);
}

void set(recorded_terms& terms, std::string pointer, const std::optional<bool>& value) {
    if (value)
        terms.emplace(std::move(pointer), *value ? "true" : "false");
}

void record_customer(recorded_terms& terms, const checkout_terms& from) {
    set(terms, "/customerId", from.customer_id);
    set(terms, "/customerEmail", from.customer_email);
    set(terms, "/referenceCustomerId", from.reference_customer_id);
}

void record_item(recorded_terms& terms, const std::string& at, const line_item& item,
                 const std::string& order_currency) {
    terms.emplace(at + "/name", item.name);
    terms.emplace(at + "/unitAmount", format_amount(item.unit_amount, order_currency));
    terms.emplace(at + "/quantity", std::to_string(item.quantity));
    terms.emplace(at + "/currency", item.currency.value_or(order_currency));
    set(terms, at + "/imageUrl", item.image_url);
}

void record_purchase(recorded_terms& terms, const checkout_terms& from) {
    terms.emplace("/originalAmount", format_amount(from.original.amount, from.original.currency));
    terms.emplace("/originalCurrency", from.original.currency);
    for (std::size_t i = 0; i < from.items.size(); ++i)
        record_item(terms, "/priceDataList/" + std::to_string(i), from.items[i], from.original.currency);
    set(terms, "/productId", from.product_id);
    set(terms, "/priceId", from.price_id);
}

void record_page(recorded_terms& terms, const checkout_terms& from) {
    terms.emplace("/uiMode", to_string(from.mode));
    set(terms, "/successUrl", from.success_url);
    set(terms, "/cancelUrl", from.cancel_url);
    set(terms, "/returnUrl", from.return_url);
}

void record_payment_methods(recorded_terms& terms, const checkout_terms& from) {
    set(terms, "/paymentMethodType", from.payment_method_type);
    for (std::size_t i = 0; i < from.payment_method_type_blacklist.size(); ++i)
        terms.emplace("/paymentMethodTypeBlackList/" + std::to_string(i),
                      from.payment_method_type_blacklist[i]);
    set(terms, "/directPaymentQrCodePaymentMethodType", from.direct_payment_qr_code_method_type);
}

void record_pricing(recorded_terms& terms, const checkout_terms& from) {
    set(terms, "/allowPromotionCodes", from.allow_promotion_codes);
    set(terms, "/promotionCode", from.promotion_code);
    set(terms, "/showPromotionCode", from.show_promotion_code);
    set(terms, "/localPriceOnly", from.local_price_only);
}

/// Length before content, so that no two lists of texts run together into the same bytes.
void append_sized(std::string& out, std::string_view text) {
    out += std::to_string(text.size());
    out += ':';
    out += text;
}

std::optional<std::string> find_term(const recorded_terms& terms, const std::string& pointer) {
    const auto found = terms.find(pointer);
    return found == terms.end() ? std::nullopt : std::optional(found->second);
}

} // namespace

std::string_view to_string(ui_mode mode) {
    switch (mode) {
    case ui_mode::hosted_page:
        return "hostedPage";
    case ui_mode::elements:
        return "elements";
    }
    throw std::logic_error("ui_mode out of range");
}

std::optional<ui_mode> find_ui_mode(std::string_view text) {
    for (const ui_mode mode : {ui_mode::hosted_page, ui_mode::elements})
        if (text == to_string(mode))
            return mode;
    return std::nullopt;
}

recorded_terms record(const checkout_terms& terms) {
    recorded_terms recorded;
    record_customer(recorded, terms);
    record_purchase(recorded, terms);
    record_page(recorded, terms);
    record_payment_methods(recorded, terms);
    record_pricing(recorded, terms);
    for (const auto& [key, value] : terms.metadata)
        recorded.emplace("/metadata/" + escape(key), value);
    for (const extra_member& member : terms.extra)
        recorded.emplace("/extra/" + escape(member.name), member.json);
    return recorded;
}

std::string fingerprint(const recorded_terms& terms) {
    std::string text;
    for (const auto& [pointer, value] : terms) {
        append_sized(text, pointer);
        append_sized(text, value);
    }
    return to_hex(sha256(text));
}

std::vector<term_conflict> find_conflicts(const recorded_terms& recorded, const recorded_terms& requested) {
    recorded_terms pointers = recorded;
    pointers.insert(requested.begin(), requested.end());
    std::vector<term_conflict> conflicts;
    for (const auto& [pointer, unused] : pointers) {
        term_conflict candidate{pointer, find_term(recorded, pointer), find_term(requested, pointer)};
        if (candidate.recorded != candidate.requested)
            conflicts.push_back(std::move(candidate));
    }
    return conflicts;
}

} // namespace checkout
