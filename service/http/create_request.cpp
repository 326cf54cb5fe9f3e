#include "http/create_request.h"

#include "http/field_reader.h"
#include "http/pass_through.h"
#include "http/priced_items.h"
#include "http/text_rules.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace checkout {

namespace {

constexpr std::size_t max_identifier_bytes = 255; ///< of ids that are Clink's or a merchant's
constexpr std::size_t max_promotion_code_bytes = 255;
constexpr std::size_t max_blacklist = 50; ///< Clink knows a dozen methods

/// A request while it is being read.
struct draft {
    const create_request_policy& policy;
    create_request request = {};
    std::optional<request_currency> currency = {}; ///< once originalCurrency was readable
    std::optional<decimal> amount = {};            ///< once originalAmount was
    priced_items priced = {};
};

void read_order_id(const field& in, draft& out) {
    const auto* text = read_string(in);
    if (text && is_merchant_order_id(*text))
        out.request.order_id = merchant_order_id(*text);
    else if (text)
        in.refuse("Must be 1 to 128 bytes, not null, . or .., without control characters and without "
                  "white space at its ends.");
}

void read_original_currency(const field& in, draft& out) {
    out.currency = read_currency(in);
}

void read_original_amount(const field& in, draft& out) {
    out.amount = read_amount(in, out.currency);
}

template <auto Member, std::size_t MaxBytes>
void read_text_term(const field& in, draft& out) {
    out.request.terms.*Member = read_text(in, MaxBytes);
}

template <auto Member>
void read_flag_term(const field& in, draft& out) {
    out.request.terms.*Member = read_flag(in);
}

template <auto Member>
void read_redirect_url(const field& in, draft& out) {
    out.request.terms.*Member = read_url(in, out.policy.allowed_redirect_hosts);
}

std::optional<std::string> read_method(const field& in) {
    const auto* text = read_string(in);
    if (!text || is_payment_method_name(*text))
        return text ? std::optional(*text) : std::nullopt;
    in.refuse(
        "Must be the name of a payment method: upper-case letters, digits and underscores, 40 at most.");
    return std::nullopt;
}

template <auto Member>
void read_method_term(const field& in, draft& out) {
    out.request.terms.*Member = read_method(in);
}

void read_email(const field& in, draft& out) {
    const auto* text = read_string(in);
    if (text && is_email_address(*text))
        out.request.terms.customer_email = *text;
    else if (text)
        in.refuse("Must be an e-mail address.");
}

void read_price_data_list(const field& in, draft& out) {
    out.priced = read_items(in, out.currency);
}

void read_ui_mode(const field& in, draft& out) {
    const auto* text = read_string(in);
    const auto mode = text ? find_ui_mode(*text) : std::nullopt;
    if (mode)
        out.request.terms.mode = *mode;
    else if (text)
        in.refuse("Must be hostedPage or elements.");
}

void read_blacklist(const field& in, draft& out) {
    auto& methods = out.request.terms.payment_method_type_blacklist;
    const auto* array = read_array(in, 0, max_blacklist);
    for (std::size_t i = 0; array && i < array->size(); ++i) {
        const auto method = read_method(in.element(i));
        if (method && std::ranges::find(methods, *method) != methods.end())
            in.element(i).refuse("Must not come twice.");
        else if (method)
            methods.push_back(*method);
    }
}

void read_metadata_term(const field& in, draft& out) {
    out.request.terms.metadata = read_metadata(in);
}

void read_supersede(const field& in, draft& out) {
    out.request.supersede = read_flag(in).value_or(false);
}

void read_extra_term(const field& in, draft& out);

using terms = checkout_terms;

// originalCurrency stands before what is counted in it.
constexpr member_rule<draft> rules[] = {
    {"merchantOrderId", presence::required, read_order_id},
    {"originalCurrency", presence::required, read_original_currency},
    {"originalAmount", presence::required, read_original_amount},
    {"customerId", presence::optional, read_text_term<&terms::customer_id, max_identifier_bytes>},
    {"customerEmail", presence::optional, read_email},
    {"referenceCustomerId", presence::optional,
     read_text_term<&terms::reference_customer_id, max_identifier_bytes>},
    {"priceDataList", presence::optional, read_price_data_list},
    {"productId", presence::optional, read_text_term<&terms::product_id, max_identifier_bytes>},
    {"priceId", presence::optional, read_text_term<&terms::price_id, max_identifier_bytes>},
    {"uiMode", presence::optional, read_ui_mode},
    {"successUrl", presence::optional, read_redirect_url<&terms::success_url>},
    {"cancelUrl", presence::optional, read_redirect_url<&terms::cancel_url>},
    {"returnUrl", presence::optional, read_redirect_url<&terms::return_url>},
    {"paymentMethodType", presence::optional, read_method_term<&terms::payment_method_type>},
    {"paymentMethodTypeBlackList", presence::optional, read_blacklist},
    {"directPaymentQrCodePaymentMethodType", presence::optional,
     read_method_term<&terms::direct_payment_qr_code_method_type>},
    {"allowPromotionCodes", presence::optional, read_flag_term<&terms::allow_promotion_codes>},
    {"promotionCode", presence::optional, read_text_term<&terms::promotion_code, max_promotion_code_bytes>},
    {"showPromotionCode", presence::optional, read_flag_term<&terms::show_promotion_code>},
    {"localPriceOnly", presence::optional, read_flag_term<&terms::local_price_only>},
    {"metadata", presence::optional, read_metadata_term},
    {"supersede", presence::optional, read_supersede},
    {"extra", presence::optional, read_extra_term},
};

/// What is in an item or in Clink's request without being a member of this one.
constexpr std::string_view other_fields[] = {
    "merchantReferenceId", reserved_metadata_key, "name", "quantity", "unitAmount", "currency", "imageUrl"};

void read_extra_term(const field& in, draft& out) {
    std::vector<std::string_view> taken(std::begin(other_fields), std::end(other_fields));
    std::ranges::transform(rules, std::back_inserter(taken), &member_rule<draft>::name);
    out.request.terms.extra = read_extra(in, taken);
}

/// The rules over several fields. Each looks at what was given, so that a field which is there but wrong is
/// not called missing, too.
class cross_checks {
public:
    cross_checks(const json_object& body, const draft& read, field_errors& errors)
        : body_(body),
          draft_(read),
          errors_(errors) {}

    void run() {
        check_customer();
        check_pricing();
        check_total();
        check_return_url();
        check_promotion();
    }

private:
    bool given(std::string_view name) const { return find_member(body_, name) != nullptr; }

    void check_customer() {
        if (!given("customerId") && !given("customerEmail") && !given("referenceCustomerId"))
            errors_.add("/customerId",
                        "One of customerId, customerEmail and referenceCustomerId is required.");
    }

    void check_pricing() {
        const bool items = given("priceDataList");
        for (const auto& [id, other] :
             {std::pair("productId", "priceId"), std::pair("priceId", "productId")}) {
            const auto pointer = append_pointer("", id);
            if (items && given(id))
                errors_.add(pointer, "Must not be given together with priceDataList.");
            else if (!items && !given(id) && given(other))
                errors_.add(pointer, "Is required with " + std::string(other) + ".");
        }
        if (!items && !given("productId") && !given("priceId"))
            errors_.add("/priceDataList", "Either priceDataList or productId with priceId is required.");
    }

    void check_total() {
        if (!given("priceDataList") || !draft_.priced.readable || !draft_.amount)
            return;
        if (total_of(draft_.priced.items) != draft_.amount)
            errors_.add("/originalAmount", "Must be the sum of unitAmount × quantity over priceDataList.");
    }

    void check_return_url() {
        if (draft_.request.terms.mode == ui_mode::elements && !given("returnUrl"))
            errors_.add("/returnUrl", "Is required with uiMode elements.");
    }

    // Clink ignores a code that is not allowed for without a word (clink-api.md 2.1), so the discount would
    // be lost.
    void check_promotion() {
        const auto& read = draft_.request.terms;
        const bool allowed = read.allow_promotion_codes.value_or(given("allowPromotionCodes"));
        if (given("promotionCode") && !allowed)
            errors_.add("/promotionCode", "Must be given with allowPromotionCodes true only.");
        if (!given("promotionCode") && !read.show_promotion_code.value_or(true))
            errors_.add("/promotionCode", "Is required with showPromotionCode false.");
    }

    const json_object& body_;
    const draft& draft_;
    field_errors& errors_;
};

create_request finish(draft read) {
    auto& request = read.request;
    request.terms.original = {*read.amount, read.currency->code};
    request.terms.items = std::move(read.priced.items);
    return std::move(request);
}

} // namespace

boost::system::result<create_request, problem> parse_create_request(std::string_view body,
                                                                    const create_request_policy& policy) {
    const auto parsed = parse_json(body);
    if (!parsed)
        return make_json_problem(parsed.error());
    field_errors errors;
    const field root{*parsed, "", errors};
    // JSON text holds U+0000 in this spelling only, and nearly never.
    if (body.find("\\u0000") != std::string_view::npos)
        refuse_null_characters(root);
    draft read{policy};
    if (const auto* object = read_object(root)) {
        read_members(*object, root.pointer, errors, rules, read);
        cross_checks(*object, read, errors).run();
    }
    if (!errors.empty())
        return make_validation_problem(errors.take());
    return finish(std::move(read));
}

} // namespace checkout
