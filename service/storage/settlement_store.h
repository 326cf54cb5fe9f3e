// What becomes of an order after a session's release: settlements and cancellation by compare-and-set on its
// version, checks that taught nothing, and customers who left. The only writer of payments.
#pragma once

#include "domain/settle.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace checkout {

/// The exchange behind a settlement, as its event row keeps it.
struct settlement_evidence {
    std::string clink_body; ///< sanitised JSON or empty
    std::string request_id;
};

class settlement_store {
public:
    explicit settlement_store(database& db) : db_(db) {}

    /// Writes the settlement: session, payments, discrepancies, events and the order's state, all or none.
    /// False when the order changed since `version`; settle again from what it is now.
    boost::asio::awaitable<bool> apply(order_key order, std::int64_t version, settlement change,
                                       settlement_evidence found);
    /// The merchant gave the order up. False when the order changed since `version`.
    boost::asio::awaitable<bool> cancel(order_key order, std::int64_t version, order_state state,
                                        std::string request_id);
    /// A question that taught nothing new: counted, no event (contract P6).
    /// Discrepancies that it showed are opened.
    boost::asio::awaitable<bool> note_check(order_key order, settlement seen, std::string request_id);
    /// The customer came back by the cancel URL: recorded once per attempt; false when it was before.
    boost::asio::awaitable<bool> note_cancel_visit(attempt_id attempt, std::string request_id);

private:
    database& db_;
};

} // namespace checkout
