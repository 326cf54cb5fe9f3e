// What a fuzz target holds the service to: a property that is always checked and whose violation is a
// finding.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

namespace checkout {

/// Ends the process (libFuzzer then keeps the input) unless the property holds.
inline void must(bool holds, std::string_view property,
                 const std::source_location& where = std::source_location::current()) {
    if (holds)
        return;
    std::fprintf(stderr, "%s:%u: violated: %.*s\n", where.file_name(), static_cast<unsigned>(where.line()),
                 static_cast<int>(property.size()), property.data());
    std::abort();
}

} // namespace checkout
