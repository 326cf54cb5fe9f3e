#include "checkout/circuit_breaker.h"

#include <algorithm>

namespace checkout {

int circuit_breaker::permits(int wanted, clock::time_point now) {
    if (is_closed())
        return wanted;
    if (now < retry_at_)
        return 0;
    retry_at_ = now + longest_pause; // one question at a time; its report decides
    return std::min(wanted, 1);
}

void circuit_breaker::report(bool reached, clock::time_point now) {
    if (reached) {
        reached_at_ = now;
        failures_ = 0;
        pause_ = first_pause;
        return;
    }
    if (++failures_ < failures_to_open)
        return;
    retry_at_ = now + pause_;
    pause_ = std::min(pause_ * 2, longest_pause);
}

} // namespace checkout
