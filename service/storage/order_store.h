// Orders as they stand, and their timelines: every read of one order. Changes are attempt_store.h and
// settlement_store.h.
#pragma once

#include "domain/order.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace checkout {

/// An event of an order's timeline.
struct event_record {
    std::int64_t id = 0;
    std::string kind;
    instant at{};
    std::optional<int> attempt;
    bool released =
        true; ///< the attempt's handle is one that a storefront was given; true without an attempt
    std::optional<std::string> source;
    std::optional<std::string> request_id;
    std::string data; ///< a JSON object
};

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

    /// The order's events after `after`, oldest first, at most `limit`.
    boost::asio::awaitable<std::vector<event_record>> list_events(order_key order, std::int64_t after,
                                                                  int limit);

private:
    database& db_;
};

} // namespace checkout
