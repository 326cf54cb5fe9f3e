// Waiting for something that another request of this process is about to finish, by key. Used on the I/O
// thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <string>

namespace checkout {

class wake_board {
public:
    explicit wake_board(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// Completes when `key` is woken, or at `until`.
    boost::asio::awaitable<void> wait(std::string key, std::chrono::steady_clock::time_point until);
    /// Completes every wait for `key` that has begun.
    void wake(const std::string& key);
    void wake_all();

private:
    struct waiter;
    boost::asio::any_io_executor executor_;
    std::multimap<std::string, std::shared_ptr<waiter>> waiters_; ///< its iterators stay valid across a wait
};

} // namespace checkout
