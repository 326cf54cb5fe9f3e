// Numbers the feed: looks several times a second for events without a number, whichever replica comes first,
// and wakes the readers who wait for more. Used on the I/O thread only.
#pragma once

#include "checkout/wake_board.h"
#include "storage/feed_store.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>

namespace checkout {

class feed_sequencer {
public:
    feed_sequencer(boost::asio::any_io_executor executor, feed_store& feed);

    /// Until stop(). Spawned once; `this` outlives it.
    boost::asio::awaitable<void> run();
    /// Ends run() and every wait.
    void stop();

    /// Completes when a number after `last_no` is given, at `until`, or at once when stopped.
    boost::asio::awaitable<void> wait_past(std::int64_t last_no, std::chrono::steady_clock::time_point until);
    bool stopped() const { return stopped_; }

private:
    boost::asio::awaitable<std::chrono::milliseconds> pass();

    feed_store& feed_;
    boost::asio::steady_timer timer_;
    wake_board readers_;
    std::int64_t last_no_ = 0;
    bool stopped_ = false;
    bool database_away_ = false;
};

} // namespace checkout
