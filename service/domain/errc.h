// The expected ways in which a request can fail, and what the caller is told with each. A switch over `errc`
// in http/ turns them into status and problem code; a broken world (no database) is an exception instead.
#pragma once

#include "domain/terms.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace checkout {

enum class errc {
    order_not_found = 1,
    session_not_found,
    creation_in_progress,
    order_terms_conflict,
    payment_processing,
    order_already_paid,
    order_cancelled,
    too_many_open_sessions,
    customer_not_found,
    customer_identifier_not_matched,
    clink_rejected,
    clink_answer_mismatch,
    clink_unavailable,
    clink_outcome_unknown,
};

/// What Clink said when it refused.
struct clink_refusal {
    std::string code;
    std::string message;
};

struct failure {
    errc code;
    std::string detail;                   ///< one sentence for the caller
    std::vector<term_conflict> conflicts; ///< with order_terms_conflict
    std::optional<clink_refusal> refusal; ///< with clink_rejected and the customer errors
    std::optional<std::chrono::seconds> retry_after;
};
[[noreturn]] void throw_exception_from_error(const failure& error, const boost::source_location& where);

/// A failure with nothing but its sentence.
failure make_failure(errc code, std::string detail, std::optional<std::chrono::seconds> retry_after = {});

template <class T>
using result = boost::system::result<T, failure>;

} // namespace checkout
