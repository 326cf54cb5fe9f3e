#include "app/drain.h"

#include "observe/log.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>

namespace checkout {

namespace asio = boost::asio;

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds hand_over_time{2}; ///< for the last writes of what does not end by itself
constexpr std::chrono::seconds exit_time{3};      ///< for threads that wait for others; then without them
constexpr std::chrono::milliseconds admin_patience{500}; ///< for an answer under way
constexpr std::chrono::milliseconds look_interval{20};   ///< at what is still being asked

} // namespace

drain::drain(asio::io_context& io, const drained_parts& parts, const load_settings& load, last_resort& end)
    : io_(io),
      parts_(parts),
      delay_(load.drain_delay),
      timeout_(load.drain_timeout),
      end_(end),
      signals_(io, SIGTERM, SIGINT),
      patience_(io) {}

asio::awaitable<void> drain::run() {
    co_await signals_.async_wait(asio::use_awaitable);
    write_log(log_level::info, "drain_started",
              {{"in_flight", static_cast<std::int64_t>(parts_.api.in_flight())}});
    end_.end_by(clock::now() + delay_ + timeout_ + hand_over_time + exit_time);
    signals_.async_wait([this](boost::system::error_code error, int) {
        if (!error)
            hurry();
    });
    parts_.admin.announce_drain();
    parts_.sweeper.stop();
    parts_.record_watch.stop();
    parts_.main_listener.announce_close();
    co_await rest(delay_);
    parts_.sequencer.stop();
    asio::co_spawn(io_, hand_over_in_time(), asio::detached);
    co_await parts_.main_listener.drain(clock::time_point::max());
    co_await finish_questions();
    write_log(log_level::info, "drain_finished",
              {{"in_flight", static_cast<std::int64_t>(parts_.api.in_flight())}});
    co_await parts_.admin_listener.drain(clock::now() + admin_patience);
    parts_.clink.close();
    io_.stop();
}

/// When the time for what is in flight is over, what waits for Clink waits no longer: creates end their
/// attempts, so that another replica can go on with their orders at once, and questions are given back. What
/// cannot even do that is cut.
asio::awaitable<void> drain::hand_over_in_time() {
    co_await rest(timeout_);
    parts_.sweeper.hand_over();
    parts_.webhooks.hand_over();
    parts_.clink.abandon();
    parts_.creator.turn_away();
    asio::steady_timer last(io_, hand_over_time);
    co_await last.async_wait(asio::use_awaitable);
    is_over_ = true;
    parts_.main_listener.cut();
}

/// What the sweeper and the webhooks have begun.
asio::awaitable<void> drain::finish_questions() {
    asio::steady_timer pause(io_);
    while ((parts_.sweeper.is_busy() || parts_.webhooks.in_flight() > 0) && !is_over_) {
        pause.expires_after(look_interval);
        co_await pause.async_wait(asio::use_awaitable);
    }
}

asio::awaitable<void> drain::rest(std::chrono::seconds time) {
    if (hurried_)
        co_return;
    patience_.expires_after(time);
    co_await patience_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void drain::hurry() {
    write_log(log_level::warning, "drain_hurried");
    hurried_ = true;
    end_.end_by(clock::now() + hand_over_time + exit_time);
    patience_.cancel();
}

} // namespace checkout
