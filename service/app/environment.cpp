#include "app/environment.h"

#include <string_view>

#include <unistd.h>

namespace checkout {

environment read_environment() {
    environment variables;
    for (char** entry = ::environ; entry && *entry; ++entry) {
        const std::string_view text = *entry;
        if (const auto equals = text.find('='); equals != std::string_view::npos)
            variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

} // namespace checkout
