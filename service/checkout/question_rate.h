// How many questions a second the sweeper may ask Clink: a token bucket that holds one second's worth. A
// question that needed more calls than one is charged afterwards, so the bucket may run a debt. Used on the
// I/O thread only.
#pragma once

#include <chrono>

namespace checkout {

class question_rate {
public:
    using clock = std::chrono::steady_clock;

    explicit question_rate(int per_second, clock::time_point now = clock::now())
        : per_second_(per_second),
          tokens_(per_second),
          at_(now) {}

    /// Whole questions that may be asked now; 0 in debt.
    int available(clock::time_point now);
    void charge(int calls) { tokens_ -= calls; }

private:
    double per_second_;
    double tokens_;
    clock::time_point at_;
};

} // namespace checkout
