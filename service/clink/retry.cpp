#include "clink/retry.h"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace checkout {
namespace {

using std::chrono::milliseconds;

constexpr int too_many_requests = 429;
constexpr milliseconds first_backoff{100};
constexpr milliseconds longest_backoff{1000};

bool may_try_again(const exchange_report& report, const transport_result& result, bool is_create) {
    switch (report.outcome) {
    case exchange_outcome::accepted:
        return false;
    case exchange_outcome::never_sent:
        return !result.peer_distrusted;
    case exchange_outcome::unknown:
        return !is_create;
    case exchange_outcome::refused:
        return !is_create && said_status(report) == too_many_requests;
    }
    return false;
}

// Exponential with full jitter: any moment of an interval that doubles with every try.
milliseconds backoff(int tries, double jitter) {
    const auto interval = std::min(first_backoff * (1 << (tries - 1)), longest_backoff);
    return std::chrono::duration_cast<milliseconds>(interval * jitter);
}

milliseconds pick_delay(const exchange_report& report, const transport_result& result,
                        const retry_question& question) {
    if (is_broken_reuse(result))
        return milliseconds{0};
    if (report.retry_after)
        return *report.retry_after;
    return backoff(question.tries, question.jitter);
}

} // namespace

std::optional<milliseconds> find_retry_delay(const exchange_report& report, const transport_result& result,
                                             const retry_question& question) {
    if (question.tries >= max_tries || !may_try_again(report, result, question.is_create))
        return std::nullopt;
    const auto delay = pick_delay(report, result, question);
    return delay < question.left ? std::optional(delay) : std::nullopt;
}

bool is_broken_reuse(const transport_result& result) {
    const bool on_the_wire =
        result.phase == transport_phase::writing || result.phase == transport_phase::reading;
    return result.reused_connection && on_the_wire && !result.status
           && result.error != boost::asio::error::timed_out;
}

} // namespace checkout
