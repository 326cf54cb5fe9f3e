// The end of every answer of the main listener: it is counted, logged in one line, and its span ends.
#pragma once

#include "http/message.h"
#include "observe/tracer.h"

#include <string_view>

namespace checkout {

inline constexpr std::string_view no_problem = "ok";

/// What is said of an answered request besides what is in it.
struct request_outcome {
    std::string_view pattern; ///< of its route; empty: none has its path
    std::string_view caller;  ///< the token's name; empty: none was given or needed
    std::string_view code;    ///< its problem's, or no_problem
};

/// `response` gets its X-Request-Id, which `work` has.
void conclude(const http_request& request, const request_outcome& outcome, http_response& response,
              span& work);

/// What people are woken by is counted from 0: the first increase of a series that just began is not seen.
void begin_problem_counts();

} // namespace checkout
