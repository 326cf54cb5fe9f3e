// What the sweeper has to do: sessions and attempts that are due, claimed so that replicas share them. A
// claim is a lease, committed before Clink is asked: should its holder die, the work is due again.
#pragma once

#include "domain/order.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

namespace checkout {

/// A session or attempt to be looked at.
struct due_session {
    order_key order{};
    merchant_order_id order_id;
    attempt_id attempt;
    session_status status = session_status::creating;
    std::optional<clink_session_id> session_id; ///< when it is known
};

class sweep_store {
public:
    explicit sweep_store(database& db) : db_(db) {}

    /// Up to `limit` attempts being created whose lease ran out.
    boost::asio::awaitable<std::vector<due_session>> claim_leases(int limit, std::chrono::seconds lease);
    /// Up to `limit` others that are due and that no other replica is claiming: what was never asked, or
    /// should have been `late` ago, first, then by nearest expiry. They are not due again before `lease` has
    /// passed. Throws database_unavailable (so do all).
    boost::asio::awaitable<std::vector<due_session>> claim(int limit, std::chrono::seconds lease,
                                                           std::chrono::seconds late);
    /// Clink was not asked after all: due at once, for whoever comes first.
    boost::asio::awaitable<bool> give_back(attempt_id attempt);
    /// Clink did not answer: asked again at `next`.
    boost::asio::awaitable<bool> note_failure(attempt_id attempt, instant next);
    /// The attempts of an order were looked for and nothing new was found.
    boost::asio::awaitable<bool>
    note_search(std::vector<std::pair<attempt_id, std::optional<instant>>> searched);
    /// Opens stuck_unknown. False when it is open already.
    boost::asio::awaitable<bool> mark_stuck(order_key order, attempt_id attempt);

private:
    database& db_;
};

} // namespace checkout
