#include "http/problem.h"

#include "json/json.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace checkout {

namespace {

using namespace std::chrono_literals;
using enum problem_code;

constexpr std::string_view challenge = R"(Bearer realm="clink-checkout")";
constexpr std::string_view scope_challenge = R"(Bearer realm="clink-checkout", error="insufficient_scope")";
constexpr std::string_view signature_challenge = "X-Clink-Signature";

// In the order of problem_code: kind_of relies on it.
constexpr std::array kinds{
    problem_kind{bad_request, "bad_request", 400, "The request cannot be understood"},
    problem_kind{malformed_json, "malformed_json", 400, "The body is not valid JSON"},
    problem_kind{session_id_missing, "session_id_missing", 400, "The sessionId is missing"},
    problem_kind{session_id_malformed, "session_id_malformed", 400, "The sessionId is malformed"},
    problem_kind{unauthorized, "unauthorized", 401, "No valid token", 0s, challenge},
    problem_kind{webhook_signature_invalid, "webhook_signature_invalid", 401, "The signature is not Clink's",
                 0s, signature_challenge},
    problem_kind{webhook_late, "webhook_late", 401, "The webhook was signed too long ago, or ahead of time",
                 0s, signature_challenge},
    problem_kind{insufficient_scope, "insufficient_scope", 403, "The token lacks the scope", 0s,
                 scope_challenge},
    problem_kind{client_certificate_required, "client_certificate_required", 403,
                 "No valid client certificate"},
    problem_kind{not_found, "not_found", 404, "There is nothing at this path"},
    problem_kind{session_not_found, "session_not_found", 404, "No such session"},
    problem_kind{order_not_found, "order_not_found", 404, "No such order"},
    problem_kind{cancel_token_not_found, "cancel_token_not_found", 404, "No such checkout"},
    problem_kind{discrepancy_not_found, "discrepancy_not_found", 404, "No such discrepancy"},
    problem_kind{method_not_allowed, "method_not_allowed", 405, "The path does not have this method"},
    problem_kind{not_acceptable, "not_acceptable", 406, "There is no answer of the type asked for"},
    problem_kind{request_timeout, "request_timeout", 408, "The request did not arrive in time"},
    problem_kind{creation_in_progress, "creation_in_progress", 409, "The order's session is being created",
                 1s},
    problem_kind{order_terms_conflict, "order_terms_conflict", 409, "The order has a session on other terms"},
    problem_kind{payment_processing, "payment_processing", 409, "A payment of the order is being processed",
                 5s},
    problem_kind{order_already_paid, "order_already_paid", 409, "The order has been paid"},
    problem_kind{order_cancelled, "order_cancelled", 409, "The order was cancelled"},
    problem_kind{too_many_open_sessions, "too_many_open_sessions", 409,
                 "Too many sessions can still be paid"},
    problem_kind{discrepancy_already_resolved, "discrepancy_already_resolved", 409,
                 "The discrepancy is resolved otherwise"},
    problem_kind{body_too_large, "body_too_large", 413, "The body is too large"},
    problem_kind{unsupported_media_type, "unsupported_media_type", 415, "The body is not application/json"},
    problem_kind{validation_failed, "validation_failed", 422, "The request is not valid"},
    problem_kind{customer_not_found, "customer_not_found", 422, "Clink does not know the customer"},
    problem_kind{customer_identifier_not_matched, "customer_identifier_not_matched", 422,
                 "The customer identifiers do not belong together"},
    problem_kind{rate_limited, "rate_limited", 429, "Too many requests", 1s},
    problem_kind{headers_too_large, "headers_too_large", 431, "The header fields are too large"},
    problem_kind{internal_error, "internal_error", 500, "The service failed"},
    problem_kind{clink_rejected, "clink_rejected", 502, "Clink refused the session"},
    problem_kind{clink_answer_mismatch, "clink_answer_mismatch", 502, "Clink answered with other terms"},
    problem_kind{clink_unavailable, "clink_unavailable", 503, "Clink cannot be reached", 2s},
    problem_kind{database_unavailable, "database_unavailable", 503, "The record cannot be reached", 2s},
    problem_kind{overloaded, "overloaded", 503, "Too many requests are being worked on", 1s},
    problem_kind{clink_outcome_unknown, "clink_outcome_unknown", 504, "Clink's answer is not known"},
};

constexpr bool has_every_code_in_order() {
    for (std::size_t i = 0; i < kinds.size(); ++i)
        if (static_cast<std::size_t>(kinds[i].code) != i)
            return false;
    return kinds.back().code == clink_outcome_unknown;
}
static_assert(has_every_code_in_order());

problem_code code_of(errc error) {
    switch (error) {
    case errc::order_not_found:
        return order_not_found;
    case errc::session_not_found:
        return session_not_found;
    case errc::creation_in_progress:
        return creation_in_progress;
    case errc::order_terms_conflict:
        return order_terms_conflict;
    case errc::payment_processing:
        return payment_processing;
    case errc::order_already_paid:
        return order_already_paid;
    case errc::order_cancelled:
        return order_cancelled;
    case errc::too_many_open_sessions:
        return too_many_open_sessions;
    case errc::customer_not_found:
        return customer_not_found;
    case errc::customer_identifier_not_matched:
        return customer_identifier_not_matched;
    case errc::clink_rejected:
        return clink_rejected;
    case errc::clink_answer_mismatch:
        return clink_answer_mismatch;
    case errc::clink_unavailable:
        return clink_unavailable;
    case errc::clink_outcome_unknown:
        return clink_outcome_unknown;
    }
    return internal_error;
}

json_value or_null(const std::optional<std::string>& text) {
    return text ? json_value(*text) : json_value();
}

json_value null_if_empty(const std::string& text) {
    return text.empty() ? json_value() : json_value(text);
}

json_value to_json(const std::vector<field_error>& errors) {
    json_array list;
    for (const auto& error : errors)
        list.push_back(json_object{{"pointer", error.pointer}, {"message", error.message}});
    return list;
}

json_value to_json(const std::vector<term_conflict>& conflicts) {
    json_array list;
    for (const auto& conflict : conflicts)
        list.push_back(json_object{{"pointer", conflict.pointer},
                                   {"recorded", or_null(conflict.recorded)},
                                   {"requested", or_null(conflict.requested)}});
    return list;
}

json_value to_json(const problem& occurrence, std::string_view request_id) {
    const auto& kind = kind_of(occurrence.code);
    json_object body{
        {"type", "urn:clink-checkout:problem:" + std::string(kind.name)},
        {"title", kind.title},
        {"status", static_cast<std::int64_t>(kind.status)},
        {"detail", occurrence.detail.empty() ? std::string(kind.title) + "." : occurrence.detail},
        {"instance", "urn:clink-checkout:request:" + std::string(request_id)},
        {"code", kind.name}};
    if (!occurrence.errors.empty())
        body.push_back({"errors", to_json(occurrence.errors)});
    if (!occurrence.conflicts.empty())
        body.push_back({"conflicts", to_json(occurrence.conflicts)});
    if (occurrence.refusal) {
        body.push_back({"clinkCode", null_if_empty(occurrence.refusal->code)});
        body.push_back({"clinkMessage", null_if_empty(occurrence.refusal->message)});
    }
    return body;
}

} // namespace

std::span<const problem_kind> problem_kinds() {
    return kinds;
}

const problem_kind& kind_of(problem_code code) {
    return kinds.at(static_cast<std::size_t>(code));
}

problem make_validation_problem(std::vector<field_error> errors) {
    const auto count = errors.size();
    return {.code = validation_failed,
            .detail = count == 1 ? "1 field is wrong." : std::to_string(count) + " fields are wrong.",
            .errors = std::move(errors)};
}

problem make_json_problem(const json_error& error) {
    return {.code = problem_code::malformed_json,
            .detail = "The body cannot be read, at byte " + std::to_string(error.offset) + ": "
                      + error.message + "."};
}

problem to_problem(failure expected) {
    return {.code = code_of(expected.code),
            .detail = std::move(expected.detail),
            .conflicts = std::move(expected.conflicts),
            .refusal = std::move(expected.refusal),
            .retry_after = expected.retry_after};
}

http_response to_response(const problem& occurrence, std::string_view request_id) {
    const auto& kind = kind_of(occurrence.code);
    http_response response;
    response.status = kind.status;
    response.headers.emplace_back("Content-Type", "application/problem+json");
    if (!kind.challenge.empty())
        response.headers.emplace_back("WWW-Authenticate", kind.challenge);
    // The service's answers promise a Retry-After of at least a second, so a shorter one is rounded up.
    if (const auto wait = occurrence.retry_after ? std::max(*occurrence.retry_after, 1s) : kind.retry_after;
        wait > 0s)
        response.headers.emplace_back("Retry-After", std::to_string(wait.count()));
    response.body = write_json(to_json(occurrence, request_id));
    return response;
}

} // namespace checkout
