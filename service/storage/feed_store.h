// The feed's numbers: given to events that are committed, dense and in an order in which no cause comes after
// its effect, by whoever holds the row of feed_head; and how far the record is complete.
#pragma once

#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>

namespace checkout {

struct feed_pass {
    std::int64_t last_no = 0; ///< the newest number given, by whomever
    bool more = false;        ///< there was more to number than one pass takes
};

class feed_store {
public:
    static constexpr int events_in_a_pass = 5'000;

    explicit feed_store(database& db) : db_(db) {}

    /// Numbers what is committed and has no number; nothing while another replica does. Throws
    /// database_unavailable.
    boost::asio::awaitable<feed_pass> number_events();

private:
    boost::asio::awaitable<feed_pass> number_as_sequencer(std::int64_t last_seen);

    database& db_;
};

} // namespace checkout
