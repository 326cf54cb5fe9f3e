#include "json_access.h"

#include <charconv>
#include <chrono>

namespace clink_twin {

namespace {

[[noreturn]] void refuse(std::string_view name, std::string_view wanted) {
    throw control_error(std::string(name) + " must be " + std::string(wanted));
}

/// The member unless it is absent or null.
const json_value* given(const json_value& object, std::string_view name) {
    auto* value = object.find(name);
    return value && !value->is_null() ? value : nullptr;
}

} // namespace

std::string text_of(const json_value& value, std::string_view name) {
    if (auto* text = value.if_string())
        return *text;
    refuse(name, "a string");
}

bool flag_of(const json_value& value, std::string_view name) {
    if (auto* flag = value.if_bool())
        return *flag;
    refuse(name, "true or false");
}

std::int64_t integer_of(const json_value& value, std::string_view name) {
    auto* number = value.if_number();
    std::int64_t result = 0;
    if (!number)
        refuse(name, "an integer");
    auto* end = number->token.data() + number->token.size();
    if (std::from_chars(number->token.data(), end, result).ptr != end)
        refuse(name, "an integer");
    return result;
}

decimal decimal_of(const json_value& value, std::string_view name) {
    std::optional<decimal> result;
    if (auto* number = value.if_number())
        result = decimal::parse_lenient(number->token);
    else if (auto* text = value.if_string())
        result = decimal::parse_lenient(*text);
    if (!result)
        refuse(name, "a decimal number");
    return *result;
}

std::optional<std::string> find_text(const json_value& object, std::string_view name) {
    auto* value = given(object, name);
    return value ? std::optional(text_of(*value, name)) : std::nullopt;
}

std::optional<bool> find_flag(const json_value& object, std::string_view name) {
    auto* value = given(object, name);
    return value ? std::optional(flag_of(*value, name)) : std::nullopt;
}

std::optional<std::int64_t> find_integer(const json_value& object, std::string_view name) {
    auto* value = given(object, name);
    return value ? std::optional(integer_of(*value, name)) : std::nullopt;
}

std::optional<decimal> find_decimal(const json_value& object, std::string_view name) {
    auto* value = given(object, name);
    return value ? std::optional(decimal_of(*value, name)) : std::nullopt;
}

json_value number_json(const decimal& amount) {
    return json_number{amount.to_string()};
}

json_value optional_json(const std::optional<std::string>& text) {
    return text ? json_value(*text) : json_value();
}

json_value optional_json(const std::optional<decimal>& amount) {
    return amount ? number_json(*amount) : json_value();
}

json_value map_json(const text_map& map) {
    json_object object;
    for (auto& [name, value] : map)
        object.push_back({name, value});
    return object;
}

json_value time_json(instant at) {
    auto text = checkout::to_rfc3339(std::chrono::floor<std::chrono::seconds>(at));
    return text.substr(0, text.find('.')) + "Z";
}

std::int64_t to_milliseconds(instant at) {
    return std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

void set_member(json_object& object, std::string_view name, json_value value) {
    for (auto& member : object)
        if (member.name == name) {
            member.value = std::move(value);
            return;
        }
    object.push_back({std::string(name), std::move(value)});
}

} // namespace clink_twin
