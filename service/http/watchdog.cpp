#include "http/watchdog.h"

#include <utility>

namespace checkout {

namespace {

constexpr std::chrono::milliseconds repeat_interval{50};

} // namespace

watchdog::watchdog(const boost::asio::any_io_executor& executor, std::function<void()> on_expiry)
    : timer_(executor),
      on_expiry_(std::move(on_expiry)) {}

void watchdog::arm(std::chrono::milliseconds from_now) {
    expired_ = false;
    deadline_ = clock::now() + from_now;
    if (!waiting_ || deadline_ < timer_.expiry())
        wait();
}

void watchdog::disarm() {
    expired_ = false;
    deadline_ = clock::time_point::max();
}

void watchdog::wait() {
    waiting_ = true;
    timer_.expires_at(deadline_);
    timer_.async_wait([this, owner = owner_](const boost::system::error_code& ec) {
        const auto alive = owner.lock();
        if (alive && !ec)
            tick();
    });
}

void watchdog::tick() {
    const auto now = clock::now();
    if (now < timer_.expiry()) // called for a wait that was replaced when its end was queued already
        return;
    waiting_ = false;
    if (deadline_ == clock::time_point::max())
        return;
    if (now >= deadline_) {
        expired_ = true;
        deadline_ = now + repeat_interval;
        on_expiry_();
    }
    wait();
}

} // namespace checkout
