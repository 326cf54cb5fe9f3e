// When Clink is asked about a session next, if nobody asks before: pure functions of the record. Contract
// section 2 (after its end) and section 5 (SWEEP_SCHEDULE_SECONDS, DARK_WATCH_HOURS).
#pragma once

#include "domain/order.h"

#include <chrono>
#include <optional>
#include <vector>

namespace checkout {

struct check_policy {
    /// Offsets from release, ascending, not empty; after the last, every (last).
    std::vector<std::chrono::seconds> offsets;
    std::chrono::hours dark_watch{72}; ///< from an unreleased attempt's creation
};

/// Released: by the offsets, and soon after its expiry, until Clink says that it ended; then 1 min, 10 min, 1
/// h, 6 h and 24 h after its end, more often while a payment's amount is unknown. Never released: by the
/// offsets from its creation, then at longer and longer intervals, for the dark watch. Being created: when
/// its lease ends. While a payment may be on its way it is never given up. Nothing: never again.
/// `payments_known` as knows_payments says.
std::optional<instant> find_next_check(const session_record& session, bool payments_known, instant now,
                                       const check_policy& policy);

/// When to ask again what Clink did not answer `failed` times in a row: soon, then less and less often, at
/// the last offset's interval at most.
instant find_retry(int failed, instant now, const check_policy& policy);

/// When Clink is asked about a refund next: at longer and longer intervals while it is not final, for a
/// month, and while its payment or amount is unknown, for the dark watch. `since` is when it was first heard
/// of.
std::optional<instant> find_next_refund_check(refund_status status, bool is_complete, instant since,
                                              instant now, const check_policy& policy);

/// When a webhook whose claim is not confirmed, or whose session is not known, is looked at again; nothing
/// when it has been for the dark watch.
std::optional<instant> find_next_webhook_try(instant received_at, instant now, const check_policy& policy);

/// How long after its expiry a session without an answer is a discrepancy (stuck_unknown).
inline constexpr std::chrono::hours stuck_after{1};
/// The same, when Clink may be answering nobody: an outage is not shown as its sessions.
inline constexpr std::chrono::hours stuck_in_outage_after{6};
/// The lifetime that is assumed, from its release, of a session whose expiry is unknown.
inline constexpr std::chrono::hours unknown_lifetime{24};

/// The session's expiry passed `patience` ago and Clink has not answered since.
bool is_stuck(const session_record& session, instant now, std::chrono::hours patience = stuck_after);

} // namespace checkout
