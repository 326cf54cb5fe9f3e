// Whether and when a request to Clink is sent again: a pure function of what the try came to.
#pragma once

#include "clink/exchange.h"

#include <chrono>
#include <optional>

namespace checkout {

inline constexpr int max_tries = 3;

struct retry_question {
    bool is_create = false;            ///< not idempotent at Clink (clink-api.md 7.3)
    int tries = 1;                     ///< made so far
    std::chrono::milliseconds left{0}; ///< until the exchange's deadline
    double jitter = 0;                 ///< random, in [0, 1)
};

/// How long to wait before the next try; nothing when this try's outcome stands. A create is tried again only
/// when it was never sent. A GET is tried again too after an unknown outcome and after 429; Retry-After is
/// honoured, and a try that it would push past the deadline is not made.
std::optional<std::chrono::milliseconds> find_retry_delay(const exchange_report& report,
                                                          const transport_result& result,
                                                          const retry_question& question);

/// True when a kept connection failed before anything of an answer came: its peer had most likely closed it.
bool is_broken_reuse(const transport_result& result);

} // namespace checkout
