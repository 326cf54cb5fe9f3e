#include "checkout/circuit_breaker.h"

#include <algorithm>
#include <utility>

namespace checkout {

int circuit_breaker::permits(int wanted, clock::time_point now) {
    if (is_closed())
        return wanted;
    if (wanted == 0 || now < retry_at_)
        return 0;
    retry_at_ = now + longest_pause; // one question at a time; its report decides
    half_open_ = true;
    return 1;
}

void circuit_breaker::report(bool reached, clock::time_point now) {
    if (reached) {
        reached_at_ = now;
        failures_ = 0;
        pause_ = first_pause;
        half_open_ = false;
        return;
    }
    const bool was_open = !is_closed();
    ++failures_;
    if (is_closed() || (was_open && !std::exchange(half_open_, false)))
        return;
    retry_at_ = now + pause_;
    pause_ = std::min(pause_ * 2, longest_pause);
}

void circuit_breaker::skip(clock::time_point now) {
    if (std::exchange(half_open_, false))
        retry_at_ = now + first_pause;
}

} // namespace checkout
