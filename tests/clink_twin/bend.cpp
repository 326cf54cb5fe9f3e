#include "bend.h"

#include "money.h"

#include <algorithm>
#include <cctype>

namespace clink_twin {

namespace {

/// Calls visit(name, value) for every member of every object in the tree.
template <class Visitor>
void walk(json_value& tree, Visitor visit) {
    if (auto* array = tree.if_array())
        for (auto& each : *array)
            walk(each, visit);
    if (auto* object = tree.if_object())
        for (auto& member : *object) {
            visit(member.name, member.value);
            walk(member.value, visit);
        }
}

bool is_amount(std::string_view name) {
    return name.starts_with("amount") || name.ends_with("Amount");
}

template <class Change>
void change_amounts(json_value& tree, Change change) {
    walk(tree, [&](const std::string& name, json_value& value) {
        auto* number = value.if_number();
        auto amount = number && is_amount(name) ? decimal::parse_lenient(number->token) : std::nullopt;
        if (amount)
            value = change(*amount);
    });
}

} // namespace

void stringify_amounts(json_value& tree) {
    change_amounts(tree, [](const decimal& amount) { return json_value(amount.to_string(2)); });
}

void scale_amounts(json_value& tree, const decimal& factor) {
    change_amounts(tree, [&](const decimal& amount) {
        return number_json(scale_amount(amount, factor, 0, decimal::max_scale).value_or(amount));
    });
}

void null_amounts(json_value& tree) {
    change_amounts(tree, [](const decimal&) { return json_value(); });
}

void replace_currencies(json_value& tree, const std::string& currency) {
    walk(tree, [&](const std::string& name, json_value& value) {
        if ((name == "originalCurrency" || name == "paymentCurrency") && value.if_string())
            value = currency;
    });
}

void respell_statuses(json_value& tree) {
    walk(tree, [](const std::string& name, json_value& value) {
        auto* text = value.if_string();
        if (!text || (name != "status" && name != "paymentStatus"))
            return;
        if (*text == "completed") {
            value = "Complete";
            return;
        }
        auto upper = *text;
        std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
        value = upper;
    });
}

void replace_text(json_value& tree, std::string_view name, const json_value& with) {
    walk(tree, [&](const std::string& each, json_value& value) {
        if (each == name && value.if_string())
            value = with;
    });
}

void add_unknown_members(json_value& tree) {
    if (auto* array = tree.if_array())
        for (auto& each : *array)
            add_unknown_members(each);
    auto* object = tree.if_object();
    if (!object)
        return;
    for (auto& member : *object)
        add_unknown_members(member.value);
    object->push_back({"xNewFlag", true});
    object->push_back({"xNewDetails", json_object{{"level", 1}, {"tags", json_array{"a", nullptr}}}});
}

} // namespace clink_twin
