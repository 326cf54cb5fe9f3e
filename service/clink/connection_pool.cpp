#include "clink/connection_pool.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace checkout {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

// A place in the queue. Left in any way, also by the destruction of the coroutine that waits, it leaves
// neither a dead waiter nor a lost right behind.
class clink_connection_pool::waiting_place {
public:
    waiting_place(std::shared_ptr<clink_connection_pool> pool, std::shared_ptr<waiter> place)
        : pool_(std::move(pool)),
          place_(std::move(place)) {
        pool_->waiters_.push_back(place_);
    }
    waiting_place(const waiting_place&) = delete;
    waiting_place& operator=(const waiting_place&) = delete;
    ~waiting_place() {
        if (place_->granted)
            pool_->pass_on();
        else
            std::erase(pool_->waiters_, place_);
    }

    bool take() { return std::exchange(place_->granted, false); }

private:
    std::shared_ptr<clink_connection_pool> pool_;
    std::shared_ptr<waiter> place_;
};

clink_connection_pool::lease::~lease() {
    if (!pool_)
        return;
    if (keep_ && held_)
        pool_->keep(std::move(held_));
    held_.reset();
    pool_->pass_on();
}

clink_connection_pool::clink_connection_pool(asio::any_io_executor executor, pool_limits limits)
    : executor_(std::move(executor)),
      limits_(limits),
      drop_timer_(executor_) {}

asio::awaitable<std::optional<clink_connection_pool::lease>>
clink_connection_pool::acquire(std::shared_ptr<clink_connection_pool> pool, clock::time_point deadline,
                               milliseconds max_idle) {
    if (pool->in_use_ < pool->limits_.connections) {
        ++pool->in_use_;
        co_return pool->make_lease(max_idle);
    }
    if (pool->waiters_.size() >= pool->limits_.waiting)
        co_return std::nullopt;
    const auto place = std::make_shared<waiter>(asio::steady_timer(pool->executor_, deadline));
    waiting_place waiting(pool, place);
    co_await place->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!waiting.take())
        co_return std::nullopt;
    co_return pool->make_lease(max_idle);
}

void clink_connection_pool::close() {
    closed_ = true;
    idle_.clear();
    drop_timer_.cancel();
}

void clink_connection_pool::turn_away() {
    for (const auto& place : waiters_)
        place->timer.cancel();
}

clink_connection_pool::lease clink_connection_pool::make_lease(milliseconds max_idle) {
    lease granted(shared_from_this());
    if (auto kept = take_kept(max_idle))
        granted.hold(std::move(kept));
    else
        make_room();
    return granted;
}

// The one used last is the likeliest to be alive, and lets those that are not needed grow old and go.
std::shared_ptr<clink_connection> clink_connection_pool::take_kept(milliseconds max_idle) {
    while (!idle_.empty() && clock::now() - idle_.back().since < max_idle) {
        auto kept = std::move(idle_.back().kept);
        idle_.pop_back();
        if (kept->is_usable())
            return kept;
    }
    return nullptr;
}

// For the connection that is about to be opened.
void clink_connection_pool::make_room() {
    while (!idle_.empty() && idle_.size() + in_use_ > limits_.connections)
        idle_.pop_front();
}

void clink_connection_pool::keep(std::shared_ptr<clink_connection> used) {
    if (closed_ || !used->is_usable())
        return;
    idle_.push_back({std::move(used), clock::now()});
    if (idle_.size() == 1)
        schedule_drop();
}

void clink_connection_pool::pass_on() {
    if (waiters_.empty()) {
        --in_use_;
        return;
    }
    const auto next = std::move(waiters_.front());
    waiters_.pop_front();
    next->granted = true;
    next->timer.cancel();
}

void clink_connection_pool::schedule_drop() {
    drop_timer_.expires_at(idle_.front().since + limits_.idle_time);
    drop_timer_.async_wait([weak = weak_from_this()](error_code error) {
        if (const auto pool = weak.lock(); pool && !error)
            pool->drop_expired();
    });
}

void clink_connection_pool::drop_expired() {
    const auto oldest = clock::now() - limits_.idle_time;
    while (!idle_.empty() && idle_.front().since <= oldest)
        idle_.pop_front();
    if (!idle_.empty())
        schedule_drop();
}

} // namespace checkout
