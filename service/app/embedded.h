// The texts compiled into the binary: migrations and the API description. Written at build time by
// service/embed.cmake; nothing here reads a file at run time.
#pragma once

#include <span>
#include <string_view>

namespace checkout {

struct embedded_text {
    std::string_view name; ///< file name without its folder
    std::string_view text; ///< the file's exact bytes
};

/// `migrations/V<n>__<name>.sql`, in no particular order.
std::span<const embedded_text> embedded_migrations();

/// One entry: `openapi.yaml`.
std::span<const embedded_text> embedded_openapi();

} // namespace checkout
