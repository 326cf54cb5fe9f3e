// SHA-256, HMAC-SHA256, hex and random bytes over OpenSSL. No keys live here.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace checkout {

using sha256_digest = std::array<unsigned char, 32>;

sha256_digest sha256(std::string_view bytes);
sha256_digest hmac_sha256(std::string_view key, std::string_view bytes);

/// Lower-case hex.
std::string to_hex(std::string_view bytes);
std::string to_hex(const sha256_digest& digest);
/// Accepts both cases; nothing for an odd length or another character.
std::optional<std::string> from_hex(std::string_view hex);

/// Base64url without padding (RFC 4648 section 5).
std::string to_base64url(std::string_view bytes);
/// Nothing for padding, another character, or a text that to_base64url would have spelled differently.
std::optional<std::string> from_base64url(std::string_view text);

/// Takes the same time wherever the first difference is; the lengths are not secret.
bool equal_in_constant_time(std::string_view a, std::string_view b);

/// Fit for secrets: OpenSSL's generator, seeded by the operating system; throws std::runtime_error when it
/// fails.
std::string random_bytes(std::size_t count);

/// RFC 9562 version 7 (ordered by the millisecond of its making, random within it), lower-case text form.
std::string make_uuid_v7();

} // namespace checkout
