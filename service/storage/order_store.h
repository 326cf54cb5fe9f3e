// Orders as they stand: every read of one order, whole. Changes are attempt_store.h and settlement_store.h.
#pragma once

#include "domain/order.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace checkout {

class order_store {
public:
    explicit order_store(database& db) : db_(db) {}

    /// The order with all its sessions and payments; nothing when there is none. Its version and sessions are of one
    /// snapshot. Throws database_unavailable (so do all).
    boost::asio::awaitable<std::optional<order_record>> find_order(merchant_order_id id);
    /// The order that has the session, whole.
    boost::asio::awaitable<std::optional<order_record>> find_order_of(clink_session_id id);
    boost::asio::awaitable<std::optional<order_record>> find_order_of(attempt_id id);

private:
    database& db_;
};

} // namespace checkout
