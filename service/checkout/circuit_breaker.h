// Keeps the sweeper from asking a Clink that does not answer: after failures in a row it asks nothing for a
// while, then one question, and all again once that is answered. Pure but for the clock it is given. Used on
// the I/O thread only.
#pragma once

#include <chrono>
#include <optional>

namespace checkout {

class circuit_breaker {
public:
    using clock = std::chrono::steady_clock;

    static constexpr int failures_to_open = 8; ///< in a row
    static constexpr std::chrono::milliseconds first_pause{1'000};
    static constexpr std::chrono::milliseconds longest_pause{30'000};

    /// How many questions may begin now, of `wanted`: all, none, or one to find out.
    int permits(int wanted, clock::time_point now);
    /// What a question that was permitted came to. While it is open the one that was permitted then counts,
    /// not those that were under way before.
    void report(bool reached, clock::time_point now);
    /// Nothing was asked: none was due, or it came to no call. If it was to find out, another may soon.
    void skip(clock::time_point now);

    /// A question was answered lately: who does not get an answer now is not alone with an outage.
    bool reached_lately(clock::time_point now) const { return reached_at_ && now - *reached_at_ < lately; }
    static constexpr std::chrono::seconds lately{60};

    bool is_closed() const { return failures_ < failures_to_open; }

private:
    int failures_ = 0;
    std::chrono::milliseconds pause_ = first_pause;
    clock::time_point retry_at_{};
    bool half_open_ = false;
    std::optional<clock::time_point> reached_at_;
};

} // namespace checkout
