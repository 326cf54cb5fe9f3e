#include "http/priced_items.h"

#include "domain/currency.h"

#include <string_view>
#include <utility>

namespace checkout {

namespace {

struct item_draft {
    const std::optional<request_currency>& currency;
    line_item item;
    bool readable = true;
};

void read_name(const field& in, item_draft& out) {
    out.item.name = read_text(in, max_item_name_bytes).value_or("");
}

void read_quantity(const field& in, item_draft& out) {
    const auto quantity = read_integer(in, 1, max_quantity);
    out.item.quantity = quantity.value_or(0);
    out.readable = out.readable && quantity;
}

void read_unit_amount(const field& in, item_draft& out) {
    const auto amount = read_amount(in, out.currency);
    out.item.unit_amount = amount.value_or(decimal());
    out.readable = out.readable && amount;
}

void read_item_currency(const field& in, item_draft& out) {
    const auto currency = read_currency(in);
    if (currency && out.currency && currency->code != out.currency->code)
        in.refuse("Must be originalCurrency.");
}

void read_image_url(const field& in, item_draft& out) {
    out.item.image_url = read_url(in);
}

constexpr member_rule<item_draft> item_rules[] = {
    {"name", presence::required, read_name},
    {"quantity", presence::optional, read_quantity},
    {"unitAmount", presence::required, read_unit_amount},
    {"currency", presence::optional, read_item_currency},
    {"imageUrl", presence::optional, read_image_url},
};

item_draft read_item(const field& in, const std::optional<request_currency>& currency) {
    item_draft draft{currency, {}};
    if (currency)
        draft.item.currency = currency->code;
    const auto* object = read_object(in);
    draft.readable = object && in.value.find("unitAmount");
    if (object)
        read_members(*object, in.pointer, in.errors, item_rules, draft);
    return draft;
}

/// The text of a number or a string.
const std::string* find_amount_text(const json_value& value) {
    const auto* number = value.if_number();
    return number ? &number->token : value.if_string();
}

std::size_t fraction_digits(std::string_view amount) {
    const auto point = amount.find('.');
    return point == std::string_view::npos ? 0 : amount.size() - point - 1;
}

std::string describe_digits(const request_currency& currency) {
    const auto digits = currency.minor_digits;
    return currency.code + " has " + (digits == 0 ? "no" : "at most " + std::to_string(digits))
           + " fraction digits.";
}

} // namespace

std::optional<request_currency> read_currency(const field& in) {
    const auto* code = read_string(in);
    if (!code)
        return std::nullopt;
    const auto digits = find_minor_digits(*code);
    if (digits)
        return request_currency{*code, *digits};
    in.refuse("Must be a currency code of ISO 4217 in upper case.");
    return std::nullopt;
}

std::optional<decimal> read_amount(const field& in, const std::optional<request_currency>& currency) {
    const auto* text = find_amount_text(in.value);
    const auto amount = text ? decimal::parse(*text) : std::nullopt;
    if (!amount)
        in.refuse("Must be a decimal number or string without exponent, of at most 15 integer digits.");
    else if (amount->is_zero() || amount->is_negative())
        in.refuse("Must be more than zero.");
    else if (currency && fraction_digits(*text) > static_cast<std::size_t>(currency->minor_digits))
        in.refuse(describe_digits(*currency));
    else
        return amount;
    return std::nullopt;
}

priced_items read_items(const field& in, const std::optional<request_currency>& currency) {
    priced_items priced;
    const auto* array = read_array(in, 1, max_items);
    priced.readable = array != nullptr;
    for (std::size_t i = 0; array && i < array->size(); ++i) {
        auto draft = read_item(in.element(i), currency);
        priced.items.push_back(std::move(draft.item));
        priced.readable = priced.readable && draft.readable;
    }
    return priced;
}

std::optional<decimal> total_of(const std::vector<line_item>& items) {
    std::optional<decimal> total = decimal();
    for (const auto& item : items) {
        const auto line = decimal::multiply(item.unit_amount, item.quantity);
        total = line && total ? decimal::add(*total, *line) : std::nullopt;
    }
    return total;
}

} // namespace checkout
