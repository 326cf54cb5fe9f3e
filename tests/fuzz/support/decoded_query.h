// A URL's query as its reader sees it, decoded.
#pragma once

#include "http/message.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

using query_parameters = std::vector<std::pair<std::string, std::string>>;

/// What follows the first '?', without the fragment.
inline std::string_view query_of(std::string_view url) {
    url = url.substr(0, url.find('#'));
    const auto question = url.find('?');
    return question == std::string_view::npos ? std::string_view{} : url.substr(question + 1);
}

inline std::vector<std::string> values_of(const query_parameters& parameters, std::string_view name) {
    std::vector<std::string> values;
    for (const auto& [key, value] : parameters)
        if (key == name)
            values.push_back(value);
    return values;
}

} // namespace checkout
