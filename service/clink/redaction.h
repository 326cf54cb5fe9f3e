// Makes what Clink sent fit to be kept and shown: no secret, nothing that PostgreSQL's text or jsonb refuses,
// bounded.
#pragma once

#include "json/json.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace checkout {

inline constexpr std::size_t max_message_bytes = 500;
inline constexpr std::size_t max_sanitised_bytes = 64 * 1024;

/// `text` with every occurrence of `secret` replaced; an empty secret replaces nothing.
std::string redact(std::string_view text, std::string_view secret);

/// `text` redacted, then as one line of valid UTF-8 without control characters, trimmed, cut to
/// max_message_bytes between two characters.
std::string clean_message(std::string_view text, std::string_view secret);

/// JSON text of `body` without `secret` and without the members that hold a page's token or an address with
/// one (any depth, any case). Past max_sanitised_bytes a small JSON object that says so. Numbers that jsonb
/// could not hold become strings.
std::string sanitise_body(const json_value& body, std::string_view secret);

} // namespace checkout
