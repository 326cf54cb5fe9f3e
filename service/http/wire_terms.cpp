// Recorded terms, which are kept flat by JSON pointer, back in the request's own shape.
#include "http/wire.h"

#include <algorithm>
#include <array>

namespace checkout {

namespace {

constexpr std::array<std::string_view, 3> flags{"allowPromotionCodes", "showPromotionCode", "localPriceOnly"};
constexpr std::array<std::string_view, 2> arrays{"priceDataList", "paymentMethodTypeBlackList"};

std::string unescape(std::string_view token) {
    std::string text;
    for (std::size_t i = 0; i < token.size(); ++i) {
        const bool escape = token[i] == '~' && i + 1 < token.size();
        if (escape)
            text += token[++i] == '0' ? '~' : '/';
        else
            text += token[i];
    }
    return text;
}

std::vector<std::string> split_pointer(std::string_view pointer) {
    std::vector<std::string> tokens;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const auto token = pointer.substr(0, pointer.find('/'));
        tokens.push_back(unescape(token));
        pointer.remove_prefix(token.size());
    }
    return tokens;
}

bool is_one_of(std::string_view name, auto names) {
    return std::ranges::find(names, name) != names.end();
}

json_value read_leaf(const std::vector<std::string>& path, const std::string& text) {
    const auto& name = path.back();
    if (path.front() == "metadata")
        return text;
    if (path.front() == "extra") {
        auto parsed = parse_json(text);
        return parsed ? std::move(*parsed) : json_value(text);
    }
    if (is_one_of(name, flags))
        return text == "true";
    if (name == "quantity")
        return json_number{text};
    return text;
}

/// The array's element of that number, or the object's member of that name, made when it is not there yet.
json_value& child(json_value& parent, const std::string& token) {
    if (auto* array = parent.if_array()) {
        const auto index = static_cast<std::size_t>(std::stoul(token));
        if (array->size() <= index)
            array->resize(index + 1);
        return (*array)[index];
    }
    if (parent.if_object() == nullptr)
        parent = json_object{};
    auto& object = *parent.if_object();
    const auto found = std::ranges::find(object, token, &json_member::name);
    if (found != object.end())
        return found->value;
    object.push_back({token, is_one_of(token, arrays) ? json_value(json_array{}) : json_value()});
    return object.back().value;
}

} // namespace

json_value to_json_terms(const recorded_terms& terms) {
    json_value root = json_object{};
    for (const auto& [pointer, text] : terms) {
        const auto path = split_pointer(pointer);
        auto* place = &root;
        for (const auto& token : path)
            place = &child(*place, token);
        *place = read_leaf(path, text);
    }
    return root;
}

} // namespace checkout
