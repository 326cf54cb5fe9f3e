// Shows in the metrics how the record is doing as a whole, read every few seconds. Every replica does it and
// shows the same: none of them is special, and none has to be up. Used on the I/O thread only.
#pragma once

#include "storage/vitals_store.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>

namespace checkout {

class record_watch {
public:
    static constexpr std::chrono::seconds interval{15};

    /// `finance` is of the database that finance reads.
    record_watch(boost::asio::any_io_executor executor, vitals_store& vitals, vitals_store& finance)
        : vitals_(vitals),
          finance_(finance),
          timer_(executor),
          finance_timer_(std::move(executor)) {}

    /// Until stop(). Spawned once; `this` outlives it. While the database is away the metrics stay as they
    /// were read last, and say when that was.
    boost::asio::awaitable<void> run();
    /// The same for what finance reads: apart, for a standby may be slow or silent.
    boost::asio::awaitable<void> run_finance();
    void stop();

private:
    boost::asio::awaitable<void> look();
    boost::asio::awaitable<void> look_at_finance();
    void add_exposure(std::int64_t exposed_orders);

    vitals_store& vitals_;
    vitals_store& finance_;
    boost::asio::steady_timer timer_;
    boost::asio::steady_timer finance_timer_;
    std::chrono::steady_clock::time_point read_at_{};
    bool stopping_ = false;
    bool failed_ = false;
    bool finance_failed_ = false;
};

} // namespace checkout
