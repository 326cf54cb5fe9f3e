// How often Clink may be asked about one session on a customer's or storefront's behalf: a token bucket per
// session, in memory, bounded. Used on the I/O thread only.
#pragma once

#include "domain/ids.h"

#include <chrono>
#include <cstddef>
#include <string>
#include <unordered_map>

namespace checkout {

class question_budget {
public:
    using clock = std::chrono::steady_clock;

    static constexpr double burst = 5;                                ///< questions
    static constexpr std::chrono::milliseconds refill_interval{2000}; ///< for one question
    static constexpr std::size_t max_sessions = 100'000;              ///< kept at once; past it nobody asks

    /// Takes one question; false when none is left.
    bool take(const clink_session_id& session, clock::time_point now = clock::now());
    /// Until the next question may be asked; 0 when it may be now.
    std::chrono::milliseconds time_to_next(const clink_session_id& session,
                                           clock::time_point now = clock::now()) const;

private:
    struct bucket {
        double tokens = burst;
        clock::time_point at;
    };
    static double tokens_at(const bucket& entry, clock::time_point now);
    void forget_full(clock::time_point now);

    std::unordered_map<std::string, bucket> buckets_;
    std::size_t purge_at_ = 1024;
};

} // namespace checkout
