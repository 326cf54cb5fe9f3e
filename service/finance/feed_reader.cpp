#include "finance/feed_reader.h"

#include "observe/metrics.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace checkout {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds standby_pause{100};

} // namespace

asio::awaitable<feed_page> feed_reader::read(std::int64_t after, int limit, std::chrono::seconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    asio::steady_timer pause(co_await asio::this_coro::executor);
    while (true) {
        auto page = co_await reports_.read_feed(after, limit);
        if (page.rows.size() > 0 || sequencer_.stopped() || std::chrono::steady_clock::now() >= until)
            co_return page;
        if (is_full()) // by now: those who came meanwhile were let in, too
            co_return page;
        set_waiting(waiting_ + 1);
        co_await sequencer_.wait_past(after, until);
        // Numbers that are given may not be where this reads, yet.
        pause.expires_after(standby_pause);
        co_await pause.async_wait(asio::use_awaitable);
        set_waiting(waiting_ - 1);
    }
}

void feed_reader::set_waiting(std::size_t readers) {
    waiting_ = readers;
    metrics().feed_waiting.set({}, static_cast<double>(readers));
}

} // namespace checkout
