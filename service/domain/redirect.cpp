#include "domain/redirect.h"

#include "crypto/digest.h"
#include "crypto/encoding.h"

#include <algorithm>

namespace checkout {

namespace {

constexpr std::string_view token_label = "clink-checkout/cancel-token/v1";
constexpr std::string_view storefront_label = "clink-checkout/redirect-signature/v1";
constexpr std::size_t uuid_bytes = 16;
constexpr std::size_t tag_bytes = 16; ///< of the token's HMAC; 128 bits are beyond guessing

std::string derive(std::string_view key, std::string_view label) {
    const auto digest = hmac_sha256(key, label);
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string tag_of(std::string_view key, std::string_view id) {
    const auto digest = hmac_sha256(key, id);
    return {reinterpret_cast<const char*>(digest.data()), tag_bytes};
}

std::string without_dashes(const std::string& uuid) {
    std::string hex;
    std::ranges::copy_if(uuid, std::back_inserter(hex), [](char c) { return c != '-'; });
    return hex;
}

std::string as_uuid(std::string_view id) {
    auto text = to_hex(id);
    for (std::size_t position : {8, 13, 18, 23})
        text.insert(position, 1, '-');
    return text;
}

bool is_named(std::string_view parameter, const std::vector<std::pair<std::string, std::string>>& names) {
    const auto name = percent_decode(parameter.substr(0, parameter.find('=')));
    return std::ranges::any_of(names, [&](const auto& pair) { return pair.first == name; });
}

std::string keep_others(std::string_view query,
                        const std::vector<std::pair<std::string, std::string>>& names) {
    std::string kept;
    while (!query.empty()) {
        const auto part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), part.size() + 1));
        if (part.empty() || is_named(part, names))
            continue;
        kept += kept.empty() ? "" : "&";
        kept += part;
    }
    return kept;
}

} // namespace

redirect_signer::redirect_signer(const std::vector<std::string>& keys) {
    for (const auto& key : keys)
        token_keys_.push_back(derive(key, token_label));
    if (!keys.empty())
        storefront_key_ = derive_storefront_key(keys.front());
}

std::string redirect_signer::derive_storefront_key(std::string_view key) {
    return derive(key, storefront_label);
}

std::string redirect_signer::make_cancel_token(const attempt_id& attempt) const {
    const auto id = from_hex(without_dashes(attempt.str())).value();
    return to_base64url(id + tag_of(token_keys_.front(), id));
}

std::optional<attempt_id> redirect_signer::read_cancel_token(std::string_view token) const {
    const auto bytes = from_base64url(token);
    if (!bytes || bytes->size() != uuid_bytes + tag_bytes)
        return std::nullopt;
    const auto id = std::string_view(*bytes).substr(0, uuid_bytes);
    const auto tag = std::string_view(*bytes).substr(uuid_bytes);
    for (const auto& key : token_keys_)
        if (equal_in_constant_time(tag, tag_of(key, id)))
            return attempt_id(as_uuid(id));
    return std::nullopt;
}

std::string redirect_signer::sign_redirect(std::string_view url, const redirect_outcome& outcome) const {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(outcome.at.time_since_epoch()).count();
    std::vector<std::pair<std::string, std::string>> parameters{{"merchantOrderId", outcome.order_id.str()},
                                                                {"sessionId", outcome.session_id.str()},
                                                                {"status", outcome.status},
                                                                {"ts", std::to_string(seconds)}};
    std::string text;
    for (const auto& [name, value] : parameters)
        text += (text.empty() ? "" : "&") + percent_encode(value);
    parameters.emplace_back("signature", to_hex(hmac_sha256(storefront_key_, text)));
    return set_query_parameters(url, parameters);
}

std::string set_query_parameters(std::string_view url,
                                 const std::vector<std::pair<std::string, std::string>>& parameters) {
    const auto fragment_at = std::min(url.find('#'), url.size());
    const auto fragment = url.substr(fragment_at);
    url = url.substr(0, fragment_at);
    const auto query_at = std::min(url.find('?'), url.size());
    const auto query = url.substr(std::min(query_at + 1, url.size()));

    std::string result(url.substr(0, query_at));
    auto kept = keep_others(query, parameters);
    for (const auto& [name, value] : parameters)
        kept += (kept.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
    return result + "?" + kept + std::string(fragment);
}

} // namespace checkout
