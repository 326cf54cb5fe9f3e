#include "checkout/record_watch.h"

#include "observe/log.h"
#include "observe/metrics.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace checkout {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;

namespace {

/// A twentieth of the time is spent on looking, unless looks take so long that their figures would be old.
constexpr int rest_of_a_look = 20;
constexpr clock::duration longest_rest = std::chrono::minutes(1);

template <class Time>
double unix_seconds(Time time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

void show(const record_vitals& vitals) {
    auto& all = metrics();
    all.sessions.set({"creating"}, static_cast<double>(vitals.creating));
    all.sessions.set({"open"}, static_cast<double>(vitals.open));
    all.sessions.set({"processing"}, static_cast<double>(vitals.processing));
    all.sessions.set({"superseded"}, static_cast<double>(vitals.superseded));
    all.sessions.set({"dark"}, static_cast<double>(vitals.dark));
    all.oldest_unsettled.set({}, vitals.oldest_unsettled.count());
    all.overdue_sessions.set({}, static_cast<double>(vitals.overdue));
    all.exposed_orders.set({}, static_cast<double>(vitals.exposed_orders));
    all.sweeper_lag.set({}, vitals.sweeper_lag.count());
    all.sweeper_due.set({}, static_cast<double>(vitals.due));
    all.webhooks_pending.set({}, static_cast<double>(vitals.webhooks_pending));
    for (const auto& [kind, open] : vitals.open_discrepancies)
        all.discrepancies.set({kind}, static_cast<double>(open));
    all.feed_lag.set({}, vitals.feed_lag.count());
    all.feed_pending.set({}, static_cast<double>(vitals.feed_pending));
    all.record_read_at.set({}, unix_seconds(std::chrono::system_clock::now()));
}

} // namespace

asio::awaitable<void> record_watch::run() {
    while (!stopping_) {
        const auto begun = clock::now();
        co_await look();
        timer_.expires_after(
            std::clamp<clock::duration>(rest_of_a_look * (clock::now() - begun), interval, longest_rest));
        if (!stopping_)
            co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

asio::awaitable<void> record_watch::run_finance() {
    while (!stopping_) {
        co_await look_at_finance();
        finance_timer_.expires_after(interval);
        if (!stopping_)
            co_await finance_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

void record_watch::stop() {
    stopping_ = true;
    timer_.cancel();
    finance_timer_.cancel();
}

asio::awaitable<void> record_watch::look() {
    try {
        const auto vitals = co_await vitals_.read();
        show(vitals);
        add_exposure(vitals.exposed_orders);
        failed_ = false;
    } catch (const std::exception& error) {
        metrics().record_read_failures.add({});
        if (!std::exchange(failed_, true))
            write_log(log_level::warning, "record_not_read", {{"detail", error.what()}});
    }
}

/// A figure that is not read gets old by itself.
asio::awaitable<void> record_watch::look_at_finance() {
    try {
        const auto as_of = co_await finance_.read_as_of();
        metrics().finance_as_of.set({}, unix_seconds(as_of));
        finance_failed_ = false;
    } catch (const std::exception& error) {
        if (!std::exchange(finance_failed_, true))
            write_log(log_level::warning, "finance_not_read", {{"detail", error.what()}});
    }
}

/// The orders that are exposed now are taken to have been since the last look.
void record_watch::add_exposure(std::int64_t exposed_orders) {
    const auto now = clock::now();
    const auto before = std::exchange(read_at_, now);
    if (before == clock::time_point{})
        return;
    const std::chrono::duration<double> since = now - before;
    metrics().exposure.add({}, static_cast<double>(exposed_orders) * since.count());
}

} // namespace checkout
