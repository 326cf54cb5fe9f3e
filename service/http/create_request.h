// The body of POST /v1/checkout-sessions: strict reading of JSON into terms. Everything that is wrong is
// named at once; nothing is rounded, trimmed or repaired. Decides by the text alone: asks neither the
// database nor Clink.
#pragma once

#include "domain/ids.h"
#include "domain/terms.h"
#include "http/problem.h"
#include "http/url_check.h"

#include <boost/system/result.hpp>

#include <string_view>
#include <vector>

namespace checkout {

struct create_request_policy {
    std::vector<host_rule> allowed_redirect_hosts; ///< empty: any host
};

struct create_request {
    merchant_order_id order_id;
    checkout_terms terms;
    bool supersede = false;
};

/// A problem of code malformed_json, or validation_failed with one error for every wrong field, in pointer
/// order.
///
/// Choices that a caller can see: a field may be left out but not null; the fraction digits of an amount
/// count as they are written (500.00 JPY has too many); an item's currency is filled in with
/// originalCurrency.
boost::system::result<create_request, problem> parse_create_request(std::string_view body,
                                                                    const create_request_policy& policy);

} // namespace checkout
