// The signed redirects: the token in the cancel URL that names an attempt, and the signature with which a
// customer is sent back to the storefront. Keys are derived from the configured ones by label, so that a
// storefront which can verify a redirect cannot make a token. Contract section 3, /checkout/success and
// /checkout/cancel.
#pragma once

#include "domain/ids.h"
#include "domain/instant.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

/// What is said to a storefront in the redirect.
struct redirect_outcome {
    merchant_order_id order_id;
    clink_session_id session_id;
    std::string status; ///< paid, processing, unpaid or expired
    instant at{};
};

class redirect_signer {
public:
    /// One or two keys of 32 bytes or more: the first signs, all verify.
    explicit redirect_signer(const std::vector<std::string>& keys);

    /// Names the attempt; URL-safe, unguessable.
    std::string make_cancel_token(const attempt_id& attempt) const;
    /// The attempt of a token made with any of the keys; nothing for everything else.
    std::optional<attempt_id> read_cancel_token(std::string_view token) const;

    /// `url` with merchantOrderId, sessionId, status, ts (Unix seconds) and signature, replacing parameters
    /// of these names, before any fragment. signature = hex HMAC-SHA256 with the storefront's key over the
    /// four values, percent-encoded, joined by '&'.
    std::string sign_redirect(std::string_view url, const redirect_outcome& outcome) const;

    /// The key that storefronts verify with: the 32 bytes of HMAC-SHA256(key,
    /// "clink-checkout/redirect-signature/v1").
    static std::string derive_storefront_key(std::string_view key);

private:
    std::vector<std::string> token_keys_;
    std::string storefront_key_;
};

/// `url` with the parameters set: same-named ones are dropped, the rest of the query and the fragment stay as
/// they are.
std::string set_query_parameters(std::string_view url,
                                 const std::vector<std::pair<std::string, std::string>>& parameters);

} // namespace checkout
