#include "http/routes.h"

#include "http/message.h"

#include <algorithm>

namespace checkout {

namespace {

constexpr scope_set storefront{api_scope::storefront};
constexpr scope_set finance{api_scope::finance};
constexpr scope_set operators{api_scope::operations};
constexpr scope_set readers{api_scope::storefront, api_scope::finance};
constexpr scope_set anybody{};

// clang-format off
constexpr route main_table[] = {
    {"POST", "/v1/checkout-sessions", endpoint::create_session, storefront, request_body::json},
    {"GET", "/v1/checkout-sessions/{sessionId}", endpoint::get_session, readers},
    {"POST", "/v1/checkout-sessions/{sessionId}/refresh", endpoint::refresh_session, storefront},
    {"GET", "/v1/orders/{merchantOrderId}", endpoint::get_order, readers},
    {"GET", "/v1/orders/{merchantOrderId}/events", endpoint::list_order_events, readers},
    {"GET", "/v1/orders/{merchantOrderId}/explain", endpoint::explain_order, readers},
    {"POST", "/v1/orders/{merchantOrderId}/cancel", endpoint::cancel_order, storefront},
    {"GET", "/v1/reconciliation/payments", endpoint::list_payments, finance},
    {"GET", "/v1/reconciliation/sessions", endpoint::list_sessions, finance},
    {"GET", "/v1/reconciliation/refunds", endpoint::list_refunds, finance},
    {"GET", "/v1/reconciliation/events", endpoint::read_feed, finance},
    {"GET", "/v1/reconciliation/summary", endpoint::summarise, finance},
    {"GET", "/v1/reconciliation/discrepancies", endpoint::list_discrepancies, finance},
    {"POST", "/v1/reconciliation/discrepancies/{id}/resolve", endpoint::resolve_discrepancy, operators, request_body::json},
    {"GET", "/checkout/success", endpoint::checkout_success, anybody, request_body::none, true},
    {"GET", "/checkout/cancel/{token}", endpoint::checkout_cancel, anybody, request_body::none, true},
    {"POST", "/webhooks/clink", endpoint::receive_webhook, anybody, request_body::raw},
    {"GET", "/openapi.yaml", endpoint::get_openapi, anybody},
    {"GET", "/docs", endpoint::get_docs, anybody},
};

constexpr route admin_table[] = {
    {"GET", "/livez", endpoint::livez, anybody},
    {"GET", "/readyz", endpoint::readyz, anybody},
    {"GET", "/metrics", endpoint::get_metrics, anybody},
};
// clang-format on

/// The next segment of a pattern, which is cut off it.
std::string_view take_segment(std::string_view& pattern) {
    pattern.remove_prefix(1);
    const auto segment = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(segment.size());
    return segment;
}

std::optional<std::vector<std::string>> match_pattern(std::string_view pattern,
                                                      const std::vector<std::string>& segments) {
    std::vector<std::string> parameters;
    for (const auto& segment : segments) {
        if (pattern.empty())
            return std::nullopt;
        const auto wanted = take_segment(pattern);
        if (wanted.starts_with('{') && !segment.empty())
            parameters.push_back(segment);
        else if (wanted != segment)
            return std::nullopt;
    }
    return pattern.empty() ? std::optional(std::move(parameters)) : std::nullopt;
}

void add_method(std::string& allow, std::string_view method) {
    allow += (allow.empty() ? "" : ", ") + std::string(method);
    if (method == "GET")
        allow += ", HEAD";
}

} // namespace

std::span<const route> main_routes() {
    return main_table;
}
std::span<const route> admin_routes() {
    return admin_table;
}

std::variant<route_match, no_such_path, no_such_method, bad_path>
match_route(std::span<const route> routes, std::string_view method, std::string_view path) {
    const auto segments = split_path(path);
    if (!segments)
        return bad_path{};
    std::string allow;
    for (const auto& candidate : routes) {
        auto parameters = match_pattern(candidate.pattern, *segments);
        if (!parameters)
            continue;
        if (candidate.method == method || (method == "HEAD" && candidate.method == "GET"))
            return route_match{&candidate, std::move(*parameters)};
        add_method(allow, candidate.method);
    }
    if (allow.empty())
        return no_such_path{};
    return no_such_method{std::move(allow)};
}

} // namespace checkout
