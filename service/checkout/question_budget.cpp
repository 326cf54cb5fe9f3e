#include "checkout/question_budget.h"

#include <algorithm>

namespace checkout {

double question_budget::tokens_at(const bucket& entry, clock::time_point now) {
    const std::chrono::duration<double, std::milli> since = now - entry.at;
    return std::min(burst, entry.tokens + since.count() / static_cast<double>(refill_interval.count()));
}

bool question_budget::take(const clink_session_id& session, clock::time_point now) {
    if (buckets_.size() >= purge_at_)
        forget_full(now);
    auto found = buckets_.find(session.str());
    if (found == buckets_.end()) {
        if (buckets_.size() >= max_sessions)
            return false;
        found = buckets_.emplace(session.str(), bucket{burst, now}).first;
    }
    auto& entry = found->second;
    entry = {tokens_at(entry, now), now};
    if (entry.tokens < 1)
        return false;
    entry.tokens -= 1;
    return true;
}

std::chrono::milliseconds question_budget::time_to_next(const clink_session_id& session,
                                                        clock::time_point now) const {
    const auto found = buckets_.find(session.str());
    const double missing = found == buckets_.end() ? 0 : 1 - tokens_at(found->second, now);
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(std::max(0.0, missing) * static_cast<double>(refill_interval.count())));
}

/// A full bucket and no bucket are the same.
void question_budget::forget_full(clock::time_point now) {
    std::erase_if(buckets_, [now](const auto& entry) { return tokens_at(entry.second, now) >= burst; });
    purge_at_ = std::clamp<std::size_t>(buckets_.size() * 2, 1024, max_sessions);
}

} // namespace checkout
