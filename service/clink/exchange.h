// What an exchange with Clink came to. The four outcomes are told apart in one place (exchange.cpp), because
// what may be done next hangs on nothing else: refused and never sent may be tried anew, unknown must never
// be.
#pragma once

#include "clink/transport_result.h"
#include "domain/instant.h"
#include "json/json.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace checkout {

enum class exchange_outcome {
    accepted,   ///< HTTP 2xx and code 200 and a body that reads as the answer asked for
    refused,    ///< Clink answered and said no: it did not do the work
    never_sent, ///< not one byte of the request reached a socket; Clink cannot have acted
    unknown ///< Clink may have acted: no answer, a broken or unreadable one, or one that admits a fault (5xx
            ///< …)
};

std::string_view to_string(exchange_outcome outcome);

/// What is known of an exchange whatever its outcome, fit for a log and for an event row: holds no secret.
struct exchange_report {
    exchange_outcome outcome = exchange_outcome::never_sent;
    std::optional<int> http_status;
    std::optional<std::string>
        code; ///< the body's `code`, as its token; of a refusal without one, the HTTP status
    std::optional<std::string>
        message;        ///< the body's `msg` or `message`, or a bare-string body; at most 500 bytes
    std::string detail; ///< one sentence on what went wrong; empty when accepted
    std::optional<std::chrono::seconds> retry_after; ///< from a Retry-After header
    std::chrono::milliseconds duration{0};
    /// The body as JSON without `token`, `tokenValue`, `url` and their like (redaction.h); empty when not
    /// JSON.
    std::string sanitised_body;
};

/// The status that Clink's answer has: HTTP's, or in a success the one that the body's `code` mirrors
/// (clink-api.md 1.4). 0: there was no answer, or its code is none of HTTP's.
int said_status(const exchange_report& report);

template <class T>
struct clink_exchange {
    exchange_report report;
    std::optional<T> answer; ///< set exactly when the outcome is accepted
};

/// Takes the answer that was asked for out of an accepted-looking body; false when something that must be
/// there is missing, which makes the outcome unknown.
using answer_reader = std::function<bool(const json_value& envelope)>;

struct classification_context {
    std::string_view api_key; ///< taken out of everything the report holds, should Clink echo it
    instant now;              ///< what a Retry-After date is measured from
};

/// The report of one try, all but its duration. Calls `read_answer` at most once, and only when HTTP and
/// `code` say success. clink-api.md 1.4, 1.5, 7.1.
exchange_report classify(const transport_result& result, const answer_reader& read_answer,
                         const classification_context& context);

} // namespace checkout
