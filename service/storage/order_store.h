// Orders as they stand: every read of one order. Changes are attempt_store.h and settlement_store.h.
#pragma once

#include "domain/order.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace checkout {

class order_store {
public:
    explicit order_store(database& db) : db_(db) {}

    /// The order as decisions need it: the sessions that Clink knows, the attempt under way and the last one,
    /// and all payments; nothing when there is none. Its version and sessions are of one snapshot. Throws
    /// database_unavailable (so do all).
    boost::asio::awaitable<std::optional<order_record>> find_order(merchant_order_id id);
    boost::asio::awaitable<std::optional<order_record>> find_order_of(clink_session_id id);
    /// The order with every attempt, and its disputes.
    boost::asio::awaitable<std::optional<order_record>> find_whole_order(merchant_order_id id);
    boost::asio::awaitable<std::optional<order_record>> find_order_of(attempt_id id);
    /// The order with a payment or a refund of that order of Clink's.
    boost::asio::awaitable<std::optional<order_record>> find_order_of(clink_order_id id);

private:
    database& db_;
};

} // namespace checkout
