// Signed webhooks (clink-api.md section 5): makes an event's body once, signs and delivers it, tries again
// with doubling delay, and keeps a record of it all. The options of the moment an event is made hold for its
// whole life, save that a flush releases it at once. One io_context, one thread; everything here must outlive
// the io_context's run.
#pragma once

#include "clink_json.h"
#include "model.h"
#include "settings.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace clink_twin {

enum class delivery_state { waiting, delivered, dropped, given_up };

struct delivery_attempt {
    instant at;
    std::string timestamp; ///< X-Clink-Timestamp as sent
    unsigned status = 0;   ///< 0: no answer
    std::string error;     ///< of the transport; empty: none
    std::int64_t milliseconds = 0;
    std::string account_response; ///< to order.succeeded: "valid", "absent", or what is wrong with it (5.9)
};

struct delivery {
    std::string event_id;
    std::string type;
    std::string resource_id; ///< of the session, order, refund or dispute
    std::string session_id;  ///< empty for refunds and disputes
    std::string body;
    instant created;
    webhook_settings options;
    std::string first_timestamp;
    delivery_state state = delivery_state::waiting;
    std::int64_t retries = 0;
    std::vector<delivery_attempt> attempts;
};

/// How a flush orders what was held.
enum class flush_order { as_made, reversed, shuffled };

class webhook_sender {
public:
    webhook_sender(boost::asio::any_io_executor executor, const twin_settings& settings,
                   const override_book& overrides);

    /// Makes and delivers the events of one change, in their order unless the options say otherwise.
    void publish(const std::vector<event>& events);
    /// Delivers an event that a test made up. An empty id is made up too. Returns the id.
    std::string publish_raw(const std::string& type, json_value object, std::string event_id);
    /// Delivers a known event once more, same id and body, with the options of now. False when there is none.
    bool resend(std::string_view event_id);
    /// Tries everything held, delayed or waiting for a retry, and completes when those attempts are over.
    boost::asio::awaitable<void> flush(flush_order order);
    /// Completes when no attempt is under way; what is held, delayed or waiting for a retry stays so.
    boost::asio::awaitable<void> idle();

    /// Newest last; empty filters match all.
    json_value log(std::string_view type, std::string_view session_id) const;
    /// Forgets everything; what is on its way ends unrecorded.
    void clear();

private:
    using delivery_ptr = std::shared_ptr<delivery>;
    struct pause; ///< of a run whose time has not come

    delivery_ptr make(std::string type, std::string resource_id, std::string session_id, json_value object,
                      std::string event_id);
    void dispatch(std::vector<delivery_ptr> batch);
    void start(std::vector<delivery_ptr> sends, std::chrono::milliseconds delay);
    boost::asio::awaitable<void> run(std::vector<delivery_ptr> sends, std::chrono::milliseconds delay);
    boost::asio::awaitable<void> attempt(delivery_ptr which);
    void schedule_retry(const delivery_ptr& which);
    boost::asio::awaitable<void> wait(std::chrono::milliseconds time);
    void end_pauses();
    void finish_one();

    boost::asio::any_io_executor executor_;
    const twin_settings& settings_;
    const override_book& overrides_;
    std::deque<delivery_ptr> log_;
    std::vector<delivery_ptr> held_;
    std::set<pause*> pauses_;
    std::size_t active_ = 0;         ///< runs that do not pause
    std::uint64_t generation_ = 0;   ///< runs of an earlier one end without delivering
    boost::asio::steady_timer idle_; ///< never expires; cancelled when the last active run ends
};

} // namespace clink_twin
