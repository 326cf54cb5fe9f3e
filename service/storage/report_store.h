// What is read in pages: an order's timeline, and payments for finance. Keyset pages: a page names the last
// row it saw, never an offset, so that rows which arrive meanwhile shift nothing.
#pragma once

#include "domain/order.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <vector>

namespace checkout {

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

enum class payment_axis { recorded_at, payment_time };

/// The last row of the page before, on the query's axis.
struct payment_position {
    instant at{};
    std::int64_t payment_id = 0;
};

struct payment_query {
    payment_axis axis = payment_axis::recorded_at;
    std::optional<instant> from;         ///< inclusive
    std::optional<instant> to;           ///< exclusive
    std::optional<std::string> currency; ///< the attempt's
    std::optional<amount_verdict> verdict;
    std::optional<payment_position> after;
    int limit = 100;
};

/// A payment with what it belongs to.
struct payment_line {
    payment_record payment;
    merchant_order_id order_id;
    std::optional<clink_session_id> session_id;
    int attempt = 0;
};

class report_store {
public:
    explicit report_store(database& db) : db_(db) {}

    /// Events of the order after `after`, oldest first, at most `limit`. Throws database_unavailable (so does
    /// the other).
    boost::asio::awaitable<std::vector<event_record>> list_events(order_key order, std::int64_t after,
                                                                  int limit);
    /// Payments in the order of the axis, then id.
    boost::asio::awaitable<std::vector<payment_line>> list_payments(payment_query query);

private:
    database& db_;
};

} // namespace checkout
