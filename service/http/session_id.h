// Which texts can be a session's id at all: anything else is answered without a query or a call.
#pragma once

#include <cstddef>
#include <string_view>

namespace checkout {

inline constexpr std::size_t max_session_id_bytes = 256;

/// Clink's ids are opaque; what is taken is 1 to 256 visible ASCII characters.
inline constexpr bool is_session_id(std::string_view text) {
    if (text.empty() || text.size() > max_session_id_bytes)
        return false;
    for (const char c : text)
        if (c < '!' || c > '~')
            return false;
    return true;
}

} // namespace checkout
