// Whether a webhook is Clink's: HMAC-SHA256 over the timestamp, a full stop and the raw body, with the whole
// secret as the key. Decides nothing about what the webhook says. clink-api.md 5.2 to 5.4.
#pragma once

#include "domain/instant.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

/// As received.
struct webhook_headers {
    std::string timestamp;                ///< X-Clink-Timestamp
    std::string signature;                ///< X-Clink-Signature
    std::optional<std::string> sign_type; ///< X-Clink-SignType; SHA256 when it is there
};

enum class webhook_authenticity {
    authentic,
    late,  ///< signed by Clink, outside the window on either side
    forged ///< not signed with any of the keys, or unreadable
};

struct webhook_check {
    webhook_authenticity verdict = webhook_authenticity::forged;
    instant signed_at{}; ///< unless forged
};

/// `timestamp` in Unix seconds (below 10^12) or milliseconds: digits alone, no leading zero. Nothing for
/// another form.
std::optional<instant> read_webhook_timestamp(std::string_view timestamp);

/// One key of `keys` is enough; compares in constant time. A tolerance of 0 accepts any time.
webhook_check check_webhook(const webhook_headers& headers, std::string_view body,
                            const std::vector<std::string>& keys, std::chrono::seconds tolerance,
                            instant now);

} // namespace checkout
