// The way from SIGTERM to the end: unready first, then no keep-alive, then what is in flight; what does not
// end in its time is handed over, what cannot even be that is cut. README, section "What happens when".
#pragma once

#include "app/admin.h"
#include "app/last_resort.h"
#include "app/settings.h"
#include "checkout/checkout_creator.h"
#include "checkout/record_watch.h"
#include "checkout/sweeper.h"
#include "checkout/webhook_desk.h"
#include "clink/client.h"
#include "finance/feed_sequencer.h"
#include "http/api.h"
#include "http/server.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>

namespace checkout {

/// What has something under way.
struct drained_parts {
    checkout::api& api;
    checkout::admin& admin;
    http_server& main_listener;
    http_server& admin_listener;
    checkout_creator& creator;
    webhook_desk& webhooks;
    checkout::sweeper& sweeper;
    feed_sequencer& sequencer;
    checkout::record_watch& record_watch;
    clink_client& clink;
};

/// Used on the I/O thread only.
class drain {
public:
    /// `end` is told when the process ends whatever its threads wait for.
    drain(boost::asio::io_context& io, const drained_parts& parts, const load_settings& load,
          last_resort& end);

    /// Waits for SIGTERM or SIGINT, drains, and stops the io_context. The admin listener answers until the
    /// end; a second signal ends each wait.
    boost::asio::awaitable<void> run();

private:
    boost::asio::awaitable<void> hand_over_in_time();
    boost::asio::awaitable<void> finish_questions();
    boost::asio::awaitable<void> rest(std::chrono::seconds time);
    void hurry();

    boost::asio::io_context& io_;
    const drained_parts parts_;
    const std::chrono::seconds delay_;
    const std::chrono::seconds timeout_;
    last_resort& end_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer patience_;
    bool hurried_ = false; ///< by a second signal
    bool is_over_ = false;
};

} // namespace checkout
