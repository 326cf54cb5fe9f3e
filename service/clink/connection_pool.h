// The connections to one host: how many may be in use at once, who is next, and which are kept for the next
// exchange. Opens nothing itself. Runs on one thread.
#pragma once

#include "clink/connection.h"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>

namespace checkout {

struct pool_limits {
    std::size_t connections = 256;               ///< in use and kept, together
    std::chrono::milliseconds idle_time{30'000}; ///< a kept connection is dropped after it
    std::size_t waiting = 256;                   ///< for one that is in use
};

class clink_connection_pool : public std::enable_shared_from_this<clink_connection_pool> {
public:
    using clock = std::chrono::steady_clock;

    /// The right to use one connection. Its end passes the right to the longest waiter.
    class lease {
    public:
        explicit lease(std::shared_ptr<clink_connection_pool> pool) : pool_(std::move(pool)) {}
        lease(lease&&) = default;
        lease& operator=(lease&&) = delete;
        ~lease();

        /// The connection this lease holds; nullptr until one is set, when none was kept.
        const std::shared_ptr<clink_connection>& held() const { return held_; }
        void hold(std::shared_ptr<clink_connection> opened) { held_ = std::move(opened); }
        /// The connection is kept for another exchange when it is usable; without this call it is closed.
        void keep_connection() { keep_ = true; }

    private:
        std::shared_ptr<clink_connection_pool> pool_;
        std::shared_ptr<clink_connection> held_;
        bool keep_ = false;
    };

    clink_connection_pool(boost::asio::any_io_executor executor, pool_limits limits);

    /// Waits its turn, first come first served, until `deadline`; nothing when it passes first, or at once
    /// when as many wait already as may. The lease holds the kept connection used last, when it was used less
    /// than `max_idle` ago and is usable.
    static boost::asio::awaitable<std::optional<lease>> acquire(std::shared_ptr<clink_connection_pool> pool,
                                                                clock::time_point deadline,
                                                                std::chrono::milliseconds max_idle);

    /// Closes the kept connections and keeps none from now on.
    void close();
    /// Lets the deadline of everybody who waits come now.
    void turn_away();

private:
    struct waiter {
        boost::asio::steady_timer timer;
        bool granted = false;
    };
    struct idle_connection {
        std::shared_ptr<clink_connection> kept;
        clock::time_point since;
    };
    class waiting_place;

    lease make_lease(std::chrono::milliseconds max_idle);
    std::shared_ptr<clink_connection> take_kept(std::chrono::milliseconds max_idle);
    void make_room();
    void keep(std::shared_ptr<clink_connection> used);
    void pass_on();
    void schedule_drop();
    void drop_expired();

    const boost::asio::any_io_executor executor_;
    const pool_limits limits_;
    std::size_t in_use_ = 0;
    std::deque<std::shared_ptr<waiter>> waiters_; ///< longest first; empty while in_use_ is below the limit
    std::deque<idle_connection> idle_;            ///< longest idle first
    boost::asio::steady_timer drop_timer_;
    bool closed_ = false;
};

} // namespace checkout
