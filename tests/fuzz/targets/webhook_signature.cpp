// The headers and the raw body of a webhook: timestamp, signature and X-Clink-SignType ("-" for none) in a
// line each, then the tolerance in seconds, then the body. What is signed with one of the keys is Clink's,
// whatever it says; with one bit of it changed it is not.
#include "clink/webhook_signature.h"

#include "crypto/digest.h"
#include "support/fuzz_input.h"
#include "support/property.h"
#include "support/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> keys{"whsec_local_simulator_key", "test_webhook_signing_key"};
const std::vector<std::string> other_keys{"whsec_local_simulator_kez"};
const instant now{1'790'000'000s};
constexpr std::size_t block_bytes = 64;

/// HMAC-SHA256 as RFC 2104 has it, for keys of at most a block.
std::string sign(const std::string& key, const std::string& text) {
    std::string inner(block_bytes, '\x36');
    std::string outer(block_bytes, '\x5c');
    for (std::size_t i = 0; i < key.size(); ++i) {
        inner[i] = static_cast<char>(inner[i] ^ key[i]);
        outer[i] = static_cast<char>(outer[i] ^ key[i]);
    }
    const auto digest = sha256(inner + text);
    return to_hex(sha256(outer + std::string(digest.begin(), digest.end())));
}

std::string to_upper(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'a' && c <= 'f' ? char(c - 'a' + 'A') : c; });
    return text;
}

std::string with_bit_flipped(std::string text, std::size_t bit) {
    bit %= text.size() * 8;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << bit % 8));
    return text;
}

/// The time that a timestamp names, by the rules of clink-api.md 5.4.
std::optional<instant> time_of(const std::string& timestamp) {
    if (timestamp.empty() || timestamp.size() > 14 || timestamp.front() == '0'
        || timestamp.find_first_not_of("0123456789") != std::string::npos)
        return std::nullopt;
    const auto count = number_of(timestamp);
    return timestamp.size() < 13 ? instant(std::chrono::seconds(count))
                                 : instant(std::chrono::milliseconds(count));
}

struct sample {
    webhook_headers headers;
    std::chrono::seconds tolerance{0};
    std::string body;
};

webhook_authenticity verdict_of(const sample& given, const std::vector<std::string>& with = keys) {
    return check_webhook(given.headers, given.body, with, given.tolerance, now).verdict;
}

webhook_authenticity verdict_wanted(const sample& given) {
    const auto time = time_of(given.headers.timestamp);
    const bool known_type = given.headers.sign_type.value_or("SHA256") == "SHA256";
    const auto signature = to_lower(given.headers.signature);
    const bool is_signed = std::ranges::any_of(keys, [&](const std::string& key) {
        return signature == sign(key, given.headers.timestamp + "." + given.body);
    });
    if (!time || !known_type || !is_signed)
        return webhook_authenticity::forged;
    const auto off = *time > now ? *time - now : now - *time;
    return given.tolerance > 0s && off > given.tolerance ? webhook_authenticity::late
                                                         : webhook_authenticity::authentic;
}

void check_as_given(const sample& given) {
    must(verdict_of(given) == verdict_wanted(given),
         "a webhook is Clink's exactly when it is signed with a key");
    must(verdict_of(given, {}) == webhook_authenticity::forged, "without a key nothing is Clink's");
    must(read_webhook_timestamp(given.headers.timestamp) == time_of(given.headers.timestamp),
         "a timestamp is read as seconds or milliseconds");
}

/// The same webhook with a true signature, in the signer's spelling and in upper case.
void check_signed(sample given, const std::string& key) {
    given.headers.signature = sign(key, given.headers.timestamp + "." + given.body);
    const bool readable =
        time_of(given.headers.timestamp) && given.headers.sign_type.value_or("SHA256") == "SHA256";
    must((verdict_of(given) != webhook_authenticity::forged) == readable, "what a key signed is Clink's");
    must(verdict_of(given) == verdict_wanted(given), "the window counts both ways");
    must(verdict_of(given, other_keys) == webhook_authenticity::forged,
         "another key's webhook is not Clink's");
    given.headers.signature = to_upper(given.headers.signature);
    must((verdict_of(given) != webhook_authenticity::forged) == readable,
         "the signature's case is of no matter");
}

void check_changed(sample given, const std::string& key, std::size_t bit) {
    const auto signature = sign(key, given.headers.timestamp + "." + given.body);
    given.headers.signature = to_hex(with_bit_flipped(from_hex(signature).value(), bit));
    must(verdict_of(given) == webhook_authenticity::forged, "one bit of the signature decides");
    given.headers.signature = signature.substr(0, bit % signature.size());
    must(verdict_of(given) == webhook_authenticity::forged, "a part of the signature is none");
    given.headers.signature = signature + signature.substr(0, 2);
    must(verdict_of(given) == webhook_authenticity::forged, "more than the signature is none");

    given.headers.signature = signature;
    auto changed = given;
    changed.body = given.body.empty() ? "x" : with_bit_flipped(given.body, bit);
    must(verdict_of(changed) == webhook_authenticity::forged, "one bit of the body decides");
    changed = given;
    changed.headers.timestamp =
        given.headers.timestamp.empty() ? "1" : with_bit_flipped(given.headers.timestamp, bit);
    must(verdict_of(changed) == webhook_authenticity::forged, "one bit of the timestamp decides");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    sample given;
    given.headers.timestamp = input.line();
    given.headers.signature = input.line();
    const auto sign_type = input.line();
    if (sign_type != "-")
        given.headers.sign_type = sign_type;
    given.tolerance =
        std::chrono::seconds(std::clamp<std::int64_t>(number_of(input.line()), 0, 1'000'000'000));
    given.body = input.rest();

    check_as_given(given);
    const auto& key = keys[size % keys.size()];
    check_signed(given, key);
    check_changed(given, key, std::hash<std::string_view>{}({reinterpret_cast<const char*>(data), size}));
    return 0;
}
