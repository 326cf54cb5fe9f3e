// Answers of the kind RFC 9457 (application/problem+json): every error that a caller can see, with its stable
// code and status, in one table. Says nothing of causes: those go to the log.
#pragma once

#include "domain/errc.h"
#include "http/message.h"
#include "json/json.h"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

/// In the order of their statuses; openapi.yaml says when each is given.
enum class problem_code {
    bad_request,
    malformed_json,
    session_id_missing,
    session_id_malformed,
    unauthorized,
    webhook_signature_invalid,
    webhook_late,
    insufficient_scope,
    client_certificate_required,
    not_found,
    session_not_found,
    order_not_found,
    cancel_token_not_found,
    discrepancy_not_found,
    method_not_allowed,
    not_acceptable,
    request_timeout,
    creation_in_progress,
    order_terms_conflict,
    payment_processing,
    order_already_paid,
    order_cancelled,
    too_many_open_sessions,
    discrepancy_already_resolved,
    body_too_large,
    unsupported_media_type,
    validation_failed,
    customer_not_found,
    customer_identifier_not_matched,
    rate_limited,
    headers_too_large,
    internal_error,
    clink_rejected,
    clink_answer_mismatch,
    clink_unavailable,
    database_unavailable,
    overloaded,
    clink_outcome_unknown
};

struct problem_kind {
    problem_code code;
    std::string_view name; ///< the machine code
    unsigned status;
    std::string_view title;              ///< the same for every occurrence
    std::chrono::seconds retry_after{0}; ///< Retry-After when the occurrence names none; 0: no such header
    std::string_view challenge = {};     ///< WWW-Authenticate, RFC 6750 section 3
};

/// One of each code.
std::span<const problem_kind> problem_kinds();
const problem_kind& kind_of(problem_code code);

/// One wrong field of a request.
struct field_error {
    std::string pointer; ///< RFC 6901, into the body; for a query parameter "/" and its name
    std::string message; ///< a sentence that quotes nothing of the request
    bool operator==(const field_error&) const = default;
};

struct problem {
    problem_code code = problem_code::internal_error;
    std::string detail = {};                   ///< this occurrence, in a sentence; empty: the title again
    std::vector<field_error> errors = {};      ///< member "errors" when there are any
    std::vector<term_conflict> conflicts = {}; ///< member "conflicts" when there are any
    std::optional<clink_refusal> refusal = {}; ///< members "clinkCode" and "clinkMessage"
    std::optional<std::chrono::seconds> retry_after = {}; ///< instead of the kind's
};

/// validation_failed with these errors.
problem make_validation_problem(std::vector<field_error> errors);

/// malformed_json, with where and why.
problem make_json_problem(const json_error& error);

/// What the caller is told of an expected failure.
problem to_problem(failure expected);

/// The answer to the request of that X-Request-Id, which `instance` names.
http_response to_response(const problem& occurrence, std::string_view request_id);

} // namespace checkout
