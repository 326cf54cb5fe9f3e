// Looks at every part of a JSON tree.
#pragma once

#include "json/json.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>

namespace checkout {

/// The value itself and every value inside it.
inline void for_each_value(const json_value& root, const std::function<void(const json_value&)>& look) {
    look(root);
    if (const auto* array = root.if_array())
        for (const auto& element : *array)
            for_each_value(element, look);
    if (const auto* object = root.if_object())
        for (const auto& member : *object)
            for_each_value(member.value, look);
}

/// Every string and every member's name.
inline void for_each_text(const json_value& root, const std::function<void(const std::string&)>& look) {
    for_each_value(root, [&](const json_value& value) {
        if (const auto* text = value.if_string())
            look(*text);
        if (const auto* object = value.if_object())
            for (const auto& member : *object)
                look(member.name);
    });
}

/// Arrays and objects inside one another; 0 for anything else.
inline std::size_t depth_of(const json_value& root) {
    std::size_t deepest = 0;
    if (const auto* array = root.if_array())
        for (const auto& element : *array)
            deepest = std::max(deepest, depth_of(element));
    if (const auto* object = root.if_object())
        for (const auto& member : *object)
            deepest = std::max(deepest, depth_of(member.value));
    return root.if_array() || root.if_object() ? deepest + 1 : 0;
}

} // namespace checkout
