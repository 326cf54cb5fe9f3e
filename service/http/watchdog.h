// One deadline for one connection, cheap to move: most changes of the deadline only write a variable, because
// the timer that is already running looks again when it fires. Runs on the io_context's single thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace checkout {

class watchdog {
public:
    /// `on_expiry` is called when the deadline passes and from then on every 50 ms until it is replaced,
    /// because an operation made of several may begin its next one just after a call. Only while `owner`
    /// (what holds this watchdog) is alive; the watchdog does not keep it so.
    watchdog(const boost::asio::any_io_executor& executor, std::function<void()> on_expiry);

    void guard(std::weak_ptr<const void> owner) { owner_ = std::move(owner); }
    void arm(std::chrono::milliseconds from_now); ///< replaces the deadline and clears expired()
    void disarm();                                ///< no deadline; clears expired()
    /// The deadline passed. To be asked before an operation is begun that only on_expiry would end.
    bool expired() const { return expired_; }

private:
    using clock = std::chrono::steady_clock;

    void wait();
    void tick();

    boost::asio::steady_timer timer_;
    std::function<void()> on_expiry_;
    std::weak_ptr<const void> owner_;
    clock::time_point deadline_ = clock::time_point::max();
    bool waiting_ = false;
    bool expired_ = false;
};

} // namespace checkout
