#include "finance/feed_sequencer.h"

#include "observe/log.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace checkout {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto interval = 200ms;
constexpr auto interval_without_database = 1000ms;
constexpr const char* readers = "readers";

} // namespace

feed_sequencer::feed_sequencer(asio::any_io_executor executor, feed_store& feed)
    : feed_(feed),
      timer_(executor),
      readers_(executor) {}

asio::awaitable<void> feed_sequencer::run() {
    while (!stopped_) {
        timer_.expires_after(co_await pass());
        if (stopped_)
            co_return;
        boost::system::error_code ignored;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
}

/// How long to rest after it.
asio::awaitable<std::chrono::milliseconds> feed_sequencer::pass() {
    try {
        const auto done = co_await feed_.number_events();
        database_away_ = false;
        if (std::exchange(last_no_, done.last_no) != done.last_no)
            readers_.wake(readers);
        co_return done.more ? 0ms : interval;
    } catch (const std::exception& error) {
        if (!std::exchange(database_away_, true))
            write_log(log_level::warning, "feed_stands_still", {{"detail", error.what()}});
    }
    co_return interval_without_database;
}

void feed_sequencer::stop() {
    stopped_ = true;
    timer_.cancel();
    readers_.wake_all();
}

asio::awaitable<void> feed_sequencer::wait_past(std::int64_t last_no,
                                                std::chrono::steady_clock::time_point until) {
    while (!stopped_ && last_no_ <= last_no && std::chrono::steady_clock::now() < until)
        co_await readers_.wait(readers, until);
}

} // namespace checkout
