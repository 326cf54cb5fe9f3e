#include "crypto/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace checkout {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64url_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view view_of(const sha256_digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::optional<unsigned> hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return std::nullopt;
}

std::uint64_t unix_milliseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

} // namespace

sha256_digest sha256(std::string_view bytes) {
    sha256_digest digest;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
        throw std::runtime_error("SHA-256 failed");
    return digest;
}

sha256_digest hmac_sha256(std::string_view key, std::string_view bytes) {
    if (key.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw std::length_error("HMAC key too long");
    // OpenSSL reads a null key as "the previous one", which an empty view may hold.
    const char* key_bytes = key.empty() ? "" : key.data();
    sha256_digest digest;
    if (!HMAC(EVP_sha256(), key_bytes, static_cast<int>(key.size()), bytes_of(bytes), bytes.size(),
              digest.data(), nullptr))
        throw std::runtime_error("HMAC-SHA256 failed");
    return digest;
}

std::string to_hex(std::string_view bytes) {
    std::string hex;
    hex.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        hex += hex_digits[byte >> 4];
        hex += hex_digits[byte & 0x0F];
    }
    return hex;
}

std::string to_hex(const sha256_digest& digest) {
    return to_hex(view_of(digest));
}

std::optional<std::string> from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0)
        return std::nullopt;
    std::string bytes;
    bytes.reserve(hex.size() / 2);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        const auto high = hex_value(hex[i]);
        const auto low = hex_value(hex[i + 1]);
        if (!high || !low)
            return std::nullopt;
        bytes += static_cast<char>(*high << 4 | *low);
    }
    return bytes;
}

std::string to_base64url(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() * 4 + 2) / 3);
    std::uint32_t buffer = 0;
    int bits = 0;
    for (const char c : bytes) {
        buffer = buffer << 8 | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6;) {
            bits -= 6;
            text += base64url_digits[buffer >> bits & 0x3F];
        }
    }
    if (bits > 0)
        text += base64url_digits[buffer << (6 - bits) & 0x3F];
    return text;
}

std::optional<std::string> from_base64url(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size() * 3 / 4);
    std::uint32_t buffer = 0;
    int bits = 0;
    for (const char c : text) {
        const std::size_t digit = base64url_digits.find(c);
        if (digit == std::string_view::npos)
            return std::nullopt;
        buffer = buffer << 6 | static_cast<std::uint32_t>(digit);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes += static_cast<char>(buffer >> bits & 0xFF);
        }
    }
    // One spelling for each byte string: six spare bits are a digit too many, other spare bits must be zero.
    if (bits == 6 || (buffer & ((1U << bits) - 1)) != 0)
        return std::nullopt;
    return bytes;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t count) {
    if (count > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw std::length_error("too many random bytes asked for");
    std::string bytes(count, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
        throw std::runtime_error("the random generator failed");
    return bytes;
}

std::string make_uuid_v7() {
    std::string uuid = random_bytes(16);
    const std::uint64_t milliseconds = unix_milliseconds();
    for (int i = 0; i < 6; ++i)
        uuid[static_cast<std::size_t>(i)] = static_cast<char>(milliseconds >> (40 - 8 * i) & 0xFF);
    uuid[6] = static_cast<char>((uuid[6] & 0x0F) | 0x70);
    uuid[8] = static_cast<char>((uuid[8] & 0x3F) | 0x80);
    std::string text = to_hex(uuid);
    for (const std::size_t dash : {8, 13, 18, 23})
        text.insert(dash, 1, '-');
    return text;
}

} // namespace checkout
