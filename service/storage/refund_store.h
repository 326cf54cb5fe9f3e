// Refunds that wait for Clink's last word, refunds that belong to nothing on record, and disputes. A refund
// of a known order is written by settlement_store.h.
#pragma once

#include "domain/clink_facts.h"
#include "domain/settle.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace checkout {

struct due_refund {
    clink_refund_id clink_id;
    instant recorded_at{};
    instant read_at{}; ///< the database's clock
};

class refund_store {
public:
    explicit refund_store(database& db) : db_(db) {}

    /// Up to `limit` that are due and that nobody else is claiming. Throws database_unavailable (so do all).
    boost::asio::awaitable<std::vector<due_refund>> claim(int limit, std::chrono::seconds lease);
    /// Clink did not answer: asked again at `next`.
    boost::asio::awaitable<bool> postpone(clink_refund_id refund, std::optional<instant> next);
    /// Clink said nothing new about a refund of `order`: asked again at `seen.next_check`, and what `seen`
    /// finds wrong is shown.
    boost::asio::awaitable<bool> note_check(clink_refund_id refund, order_key order, settlement seen,
                                            std::string request_id);
    /// A refund of an order of Clink's that nothing here knows: kept and shown (refund_without_payment).
    /// False when it belongs to an order by now.
    boost::asio::awaitable<bool> record_stray(refund_facts refund, evidence source,
                                              std::optional<instant> next, std::string request_id);
    /// A dispute as an event said it that Clink made at `said_at`; an older one changes nothing. Its order is
    /// found by its payment, else by its reference. The order; nothing when it belongs to none.
    boost::asio::awaitable<std::optional<order_key>> record_dispute(dispute_facts dispute, instant said_at,
                                                                    std::string request_id);

private:
    database& db_;
};

} // namespace checkout
