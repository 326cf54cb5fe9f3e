// The paths of the service as data: method, pattern, who may, how much. openapi.yaml has the same list; a
// test compares.
#pragma once

#include "http/api_tokens.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace checkout {

enum class endpoint {
    create_session,
    get_session,
    refresh_session,
    get_order,
    list_order_events,
    explain_order,
    cancel_order,
    list_payments,
    list_sessions,
    list_refunds,
    list_discrepancies,
    resolve_discrepancy,
    read_feed,
    summarise,
    checkout_success,
    checkout_cancel,
    receive_webhook,
    get_openapi,
    get_docs,
    livez,
    readyz,
    get_metrics
};

enum class request_body {
    none,
    json,
    raw ///< any media type, as it is
};

struct route {
    std::string_view method;
    std::string_view pattern; ///< a segment in braces takes any non-empty text
    endpoint target;
    scope_set scopes; ///< any of them; empty: no token is asked for
    request_body body = request_body::none;
    bool for_browsers = false; ///< errors are pages unless JSON is asked for

    /// Finance's reads have connections to the database of their own.
    bool reads_apart() const { return pattern.starts_with("/v1/reconciliation/"); }
};

inline constexpr std::size_t json_body_bytes = 256 * 1024;
inline constexpr std::size_t ignored_body_bytes = 4 * 1024; ///< of a request that needs no body but has one

std::span<const route> main_routes();
std::span<const route> admin_routes();

struct route_match {
    const route* found = nullptr;
    std::vector<std::string> parameters; ///< decoded, in the pattern's order
};
struct no_such_path {};
struct bad_path {};
struct no_such_method {
    std::string allow; ///< "GET, HEAD"
};

/// HEAD is answered by the route of GET.
std::variant<route_match, no_such_path, no_such_method, bad_path>
match_route(std::span<const route> routes, std::string_view method, std::string_view path);

} // namespace checkout
