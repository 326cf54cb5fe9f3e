#include "clink/webhook_signature.h"

#include "crypto/digest.h"

#include <algorithm>
#include <charconv>

namespace checkout {

namespace {

constexpr std::int64_t first_milliseconds = 1'000'000'000'000; ///< 10^12: 2001 as ms, the year 33658 as s
constexpr std::size_t max_timestamp_digits = 14;

bool is_signed(const webhook_headers& headers, std::string_view body, const std::vector<std::string>& keys) {
    const auto given = from_hex(headers.signature);
    if (!given)
        return false;
    const auto text = headers.timestamp + "." + std::string(body);
    bool valid = false;
    for (const auto& key : keys) {
        const auto digest = hmac_sha256(key, text);
        const std::string_view wanted(reinterpret_cast<const char*>(digest.data()), digest.size());
        valid = equal_in_constant_time(*given, wanted) || valid;
    }
    return valid;
}

} // namespace

std::optional<instant> read_webhook_timestamp(std::string_view timestamp) {
    const bool digits = std::ranges::all_of(timestamp, [](char c) { return c >= '0' && c <= '9'; });
    if (timestamp.empty() || timestamp.size() > max_timestamp_digits || !digits || timestamp.front() == '0')
        return std::nullopt;
    std::int64_t value = 0;
    std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), value);
    if (value < first_milliseconds)
        return instant(std::chrono::seconds(value));
    return instant(std::chrono::milliseconds(value));
}

webhook_check check_webhook(const webhook_headers& headers, std::string_view body,
                            const std::vector<std::string>& keys, std::chrono::seconds tolerance,
                            instant now) {
    const auto signed_at = read_webhook_timestamp(headers.timestamp);
    if (!signed_at || (headers.sign_type && *headers.sign_type != "SHA256")
        || !is_signed(headers, body, keys))
        return {};
    const bool outside = *signed_at < now - tolerance || *signed_at > now + tolerance;
    const bool late = tolerance.count() > 0 && outside;
    return {late ? webhook_authenticity::late : webhook_authenticity::authentic, *signed_at};
}

} // namespace checkout
