#include "checkout/question_rate.h"

#include <algorithm>

namespace checkout {

int question_rate::available(clock::time_point now) {
    const auto passed = std::chrono::duration<double>(now - at_).count();
    tokens_ = std::min(per_second_, tokens_ + passed * per_second_);
    at_ = now;
    return std::max(0, static_cast<int>(tokens_));
}

} // namespace checkout
