// The two parts of a create request whose content is the merchant's or Clink's affair: `metadata` and
// `extra`. Both are passed on as they are, so what is refused here is what would overrule the service's own
// fields or be too much.
#pragma once

#include "domain/terms.h"
#include "http/field_reader.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

inline constexpr std::size_t max_metadata_keys =
    19; ///< Clink's 20 (clink-api.md 2.1) less reserved_metadata_key
inline constexpr std::size_t max_metadata_key_characters = 40;
inline constexpr std::size_t max_metadata_value_characters = 500;
inline constexpr std::size_t max_extra_bytes = 16 * 1024; ///< of its canonical JSON text
inline constexpr std::size_t max_extra_depth = 5; ///< of arrays and objects, `extra` itself being the first
inline constexpr std::size_t max_extra_name_bytes = 64; ///< of a member of `extra` itself

/// Under which Clink is told the attempt.
inline constexpr std::string_view reserved_metadata_key = "checkoutAttemptId";

/// Strings by key, sorted. The reserved key is refused in any case.
std::vector<std::pair<std::string, std::string>> read_metadata(const field& in);

/// Members sorted by name, number tokens as written. A member's name must be ASCII letters, digits and
/// underscores, so that "ignoring case" means the same here as wherever Clink reads it, and none of `taken`,
/// ignoring case.
std::vector<extra_member> read_extra(const field& in, std::span<const std::string_view> taken);

} // namespace checkout
