#include "checkout/wake_board.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace checkout {

namespace asio = boost::asio;

struct wake_board::waiter {
    explicit waiter(const asio::any_io_executor& executor) : timer(executor) {}
    asio::steady_timer timer;
};

asio::awaitable<void> wake_board::wait(std::string key, std::chrono::steady_clock::time_point until) {
    auto mine = std::make_shared<waiter>(executor_);
    mine->timer.expires_at(until);
    const auto place = waiters_.emplace(std::move(key), mine);
    boost::system::error_code woken;
    co_await mine->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    waiters_.erase(place);
}

void wake_board::wake(const std::string& key) {
    const auto [first, last] = waiters_.equal_range(key);
    for (auto place = first; place != last; ++place)
        place->second->timer.cancel();
}

void wake_board::wake_all() {
    for (const auto& [key, waiting] : waiters_)
        waiting->timer.cancel();
}

} // namespace checkout
