#include "domain/check_schedule.h"

#include <algorithm>

namespace checkout {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds after_end[] = {1min, 10min, 1h, 6h, 24h};
constexpr auto after_expiry = 5s; ///< Clink's own clock and ours, and its own work on expiry
constexpr auto longest_watch_interval = 1h;
constexpr auto retry_step = 5s;
constexpr auto refund_watch = 30 * 24h;
constexpr std::chrono::seconds refund_interval_min = 10s;
constexpr std::chrono::seconds refund_interval_max = 6h;
constexpr std::chrono::seconds webhook_interval_min = 1s;

/// The first of start + offset that is still to come.
template <class Offsets>
std::optional<instant> next_of(instant start, const Offsets& offsets, instant now) {
    const auto found = std::ranges::find_if(offsets, [&](auto offset) { return start + offset > now; });
    return found == std::end(offsets) ? std::nullopt : std::optional(start + *found);
}

/// A part of the age so far, so that what is old is asked about rarely and nothing is forgotten at once.
instant next_by_age(instant since, instant now, int parts, std::chrono::seconds least,
                    std::chrono::seconds most) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - since);
    return now + std::clamp<std::chrono::seconds>(age / parts, least, most);
}

/// By the offsets, then every (last) on the same grid.
instant next_regular(instant start, instant now, const check_policy& policy) {
    if (const auto next = next_of(start, policy.offsets, now))
        return *next;
    const auto last = policy.offsets.back();
    return start + ((now - start) / last + 1) * last;
}

std::optional<instant> next_open(const session_record& session, instant now, const check_policy& policy) {
    auto next = next_regular(session.released_at.value_or(session.created_at), now, policy);
    if (session.expire_time && *session.expire_time + after_expiry > now)
        next = std::min(next, *session.expire_time + after_expiry);
    return next;
}

std::optional<instant> next_ended(instant ended_at, bool payments_known, instant now,
                                  const check_policy& policy) {
    const auto next = next_of(ended_at, after_end, now);
    if (payments_known)
        return next;
    const auto sooner = next_regular(ended_at, now, policy);
    return next ? std::min(*next, sooner) : std::max(sooner, now + longest_watch_interval);
}

std::optional<instant> next_unreleased(const session_record& session, bool payments_known, instant now,
                                       const check_policy& policy) {
    auto next = next_of(session.created_at, policy.offsets, now);
    if (!next)
        next = next_by_age(session.created_at, now, 8,
                           std::min<std::chrono::seconds>(policy.offsets.back(), longest_watch_interval),
                           longest_watch_interval);
    const bool watched = *next <= session.created_at + policy.dark_watch || !payments_known;
    return watched ? next : std::nullopt;
}

std::optional<instant> find_regular_check(const session_record& session, bool payments_known, instant now,
                                          const check_policy& policy) {
    if (session.ended_at)
        return next_ended(*session.ended_at, payments_known, now, policy);
    switch (session.status) {
    case session_status::creating:
        return now + policy.offsets.front();
    case session_status::refused:
    case session_status::dark:
        return next_unreleased(session, payments_known, now, policy);
    case session_status::open:
    case session_status::completed:
    case session_status::expired:
        return next_open(session, now, policy);
    }
    return std::nullopt;
}

} // namespace

std::optional<instant> find_next_check(const session_record& session, bool payments_known, instant now,
                                       const check_policy& policy) {
    const auto next = find_regular_check(session, payments_known, now, policy);
    if (!may_be_paying(session))
        return next;
    const auto latest = now + std::max<std::chrono::seconds>(policy.offsets.back(), longest_watch_interval);
    return std::min(next.value_or(latest), latest);
}

instant find_retry(int failed, instant now, const check_policy& policy) {
    const auto doubled = retry_step * (1 << std::clamp(failed, 0, 10));
    return now + std::min<std::chrono::seconds>(doubled, std::max(policy.offsets.back(), retry_step));
}

std::optional<instant> find_next_refund_check(refund_status status, bool is_complete, instant since,
                                              instant now, const check_policy& policy) {
    if (is_final(status) && is_complete)
        return std::nullopt;
    const auto next = next_by_age(since, now, 4, refund_interval_min, refund_interval_max);
    const std::chrono::seconds watch = is_final(status) ? policy.dark_watch : refund_watch;
    return next <= since + watch ? std::optional(next) : std::nullopt;
}

std::optional<instant> find_next_webhook_try(instant received_at, instant now, const check_policy& policy) {
    const auto next = next_by_age(received_at, now, 2, webhook_interval_min, longest_watch_interval);
    return next <= received_at + policy.dark_watch ? std::optional(next) : std::nullopt;
}

bool is_stuck(const session_record& session, instant now, std::chrono::hours patience) {
    if (!session.released() || session.ended_at)
        return false;
    const auto expiry = session.expire_time.value_or(*session.released_at + unknown_lifetime);
    const bool answered_since = session.checked_at && *session.checked_at >= expiry;
    return now >= expiry + patience && !answered_since;
}

} // namespace checkout
