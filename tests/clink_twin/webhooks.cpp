#include "webhooks.h"

#include "http_post.h"
#include "webhook_body.h"

#include "core.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <random>

namespace clink_twin {

namespace asio = boost::asio;

namespace {

constexpr auto quiet = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t max_log_entries = 20'000;
/// Ten doublings of it are about a day (5.8).
constexpr std::chrono::milliseconds first_retry_delay{85'000};

std::string_view to_text(delivery_state state) {
    switch (state) {
    case delivery_state::waiting:
        return "waiting";
    case delivery_state::delivered:
        return "delivered";
    case delivery_state::dropped:
        return "dropped";
    case delivery_state::given_up:
        return "given_up";
    }
    return {};
}

struct resource_ids {
    std::string id;
    std::string session_id;
};

resource_ids ids_of(const event& of) {
    struct {
        resource_ids operator()(const session& each) const { return {each.id, each.id}; }
        resource_ids operator()(const order& each) const { return {each.id, each.session_id}; }
        resource_ids operator()(const refund& each) const { return {each.id, ""}; }
        resource_ids operator()(const dispute& each) const { return {each.id, ""}; }
    } reader;
    return std::visit(reader, of.resource);
}

template <class Sequence>
void shuffle(Sequence& sequence) {
    static std::mt19937 random(std::random_device{}());
    std::ranges::shuffle(sequence, random);
}

bool is_dropped(const delivery& which) {
    auto& options = which.options;
    auto named = [&](std::string_view name) {
        return std::ranges::find(options.drop, name) != options.drop.end();
    };
    return !options.enabled || options.url.empty() || named(which.type) || named("*");
}

std::chrono::milliseconds retry_delay(const delivery& which) {
    auto scale = std::stod(which.options.retry_scale.to_string());
    auto doublings = static_cast<double>(std::uint64_t{1} << std::min<std::int64_t>(which.retries, 30));
    return std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(first_retry_delay.count()) * scale * doublings));
}

json_value attempt_json(const delivery_attempt& attempt) {
    return json_object{{"at", checkout::to_rfc3339(attempt.at)},
                       {"timestamp", attempt.timestamp},
                       {"status", static_cast<std::int64_t>(attempt.status)},
                       {"error", attempt.error.empty() ? json_value() : json_value(attempt.error)},
                       {"duration_ms", attempt.milliseconds},
                       {"account_response", attempt.account_response.empty()
                                                ? json_value()
                                                : json_value(attempt.account_response)}};
}

json_value delivery_json(const delivery& which) {
    json_array attempts;
    for (auto& attempt : which.attempts)
        attempts.push_back(attempt_json(attempt));
    return json_object{{"id", which.event_id},
                       {"type", which.type},
                       {"resource_id", which.resource_id},
                       {"sessionId", which.session_id},
                       {"created", checkout::to_rfc3339(which.created)},
                       {"state", to_text(which.state)},
                       {"body", which.body},
                       {"attempts", std::move(attempts)}};
}

} // namespace

struct webhook_sender::pause {
    asio::steady_timer timer;
    bool ended = false; ///< by a flush or a reset, which has counted the run as active already
};

webhook_sender::webhook_sender(asio::any_io_executor executor, const twin_settings& settings,
                               const override_book& overrides)
    : executor_(std::move(executor)),
      settings_(settings),
      overrides_(overrides),
      idle_(executor_, asio::steady_timer::time_point::max()) {}

webhook_sender::delivery_ptr webhook_sender::make(std::string type, std::string resource_id,
                                                  std::string session_id, json_value object,
                                                  std::string event_id) {
    auto made = std::make_shared<delivery>();
    made->options = settings_.webhooks;
    made->event_id =
        !event_id.empty() ? std::move(event_id) : make_id(made->options.legacy_envelope ? "evt_" : "event_");
    made->type = std::move(type);
    made->resource_id = std::move(resource_id);
    made->session_id = std::move(session_id);
    made->created = now();
    made->body = event_body(made->event_id, made->type, made->created, std::move(object), made->options);
    log_.push_back(made);
    if (log_.size() > max_log_entries)
        log_.pop_front();
    return made;
}

void webhook_sender::publish(const std::vector<event>& events) {
    std::vector<delivery_ptr> batch;
    for (auto& each : events) {
        auto [id, session_id] = ids_of(each);
        batch.push_back(
            make(each.type, id, session_id, event_object(each, settings_.webhooks, overrides_), ""));
    }
    dispatch(std::move(batch));
}

std::string webhook_sender::publish_raw(const std::string& type, json_value object, std::string event_id) {
    auto made = make(type, "", "", std::move(object), std::move(event_id));
    dispatch({made});
    return made->event_id;
}

bool webhook_sender::resend(std::string_view event_id) {
    auto found =
        std::ranges::find(log_, event_id, [](auto& each) -> std::string_view { return each->event_id; });
    if (found == log_.end())
        return false;
    (*found)->options = settings_.webhooks;
    (*found)->state = delivery_state::waiting;
    (*found)->retries = 0;
    start({*found}, std::chrono::milliseconds(settings_.webhooks.delay_ms));
    return true;
}

/// A batch has one set of options: it was made in one go.
void webhook_sender::dispatch(std::vector<delivery_ptr> batch) {
    std::vector<delivery_ptr> sends;
    for (auto& each : batch) {
        if (is_dropped(*each))
            each->state = delivery_state::dropped;
        else
            sends.insert(sends.end(), static_cast<std::size_t>(1 + each->options.duplicates), each);
    }
    if (sends.empty())
        return;
    auto& options = batch.front()->options;
    if (options.shuffle)
        shuffle(sends);
    if (options.hold)
        held_.insert(held_.end(), sends.begin(), sends.end());
    else
        start(std::move(sends), std::chrono::milliseconds(options.delay_ms));
}

void webhook_sender::start(std::vector<delivery_ptr> sends, std::chrono::milliseconds delay) {
    ++active_;
    asio::co_spawn(executor_, run(std::move(sends), delay), asio::detached);
}

/// Sends one after the other; what stays undelivered is tried again later, each on its own.
asio::awaitable<void> webhook_sender::run(std::vector<delivery_ptr> sends, std::chrono::milliseconds delay) {
    auto generation = generation_;
    if (delay > std::chrono::milliseconds::zero())
        co_await wait(delay);
    for (auto& each : sends)
        if (generation == generation_)
            co_await attempt(each);
    std::ranges::sort(sends);
    sends.erase(std::ranges::unique(sends).begin(), sends.end());
    if (generation == generation_)
        for (auto& each : sends)
            if (each->state != delivery_state::delivered)
                schedule_retry(each);
    finish_one();
}

asio::awaitable<void> webhook_sender::attempt(delivery_ptr which) {
    auto& options = which->options;
    delivery_attempt made;
    made.at = now();
    auto keeps_first = options.on_retry == retry_timestamp::original && !which->first_timestamp.empty();
    made.timestamp = keeps_first ? which->first_timestamp : delivery_timestamp(made.at, options);
    if (which->first_timestamp.empty())
        which->first_timestamp = made.timestamp;
    post_request request{options.url,
                         {{"Content-Type", "application/json"}},
                         which->body,
                         std::chrono::milliseconds(options.timeout_ms)};
    request.headers.emplace_back("X-Clink-Timestamp", made.timestamp);
    auto key = options.signature == signature_style::wrong ? options.secret + "?" : options.secret;
    if (options.signature != signature_style::absent)
        request.headers.emplace_back("X-Clink-Signature", sign_body(key, made.timestamp, which->body));
    if (options.sign_type)
        request.headers.emplace_back("X-Clink-SignType", "SHA256");
    auto answer = co_await post(std::move(request));
    made.status = answer.status;
    made.error = answer.error;
    made.milliseconds = to_milliseconds(now()) - to_milliseconds(made.at);
    if (answer.status / 100 == 2) {
        which->state = delivery_state::delivered;
        if (which->type == "order.succeeded")
            made.account_response = check_account_response(answer.body, which->body);
    }
    which->attempts.push_back(std::move(made));
}

void webhook_sender::schedule_retry(const delivery_ptr& which) {
    if (which->retries >= which->options.max_retries) {
        which->state = delivery_state::given_up;
        return;
    }
    auto delay = retry_delay(*which);
    ++which->retries;
    start({which}, std::max(delay, std::chrono::milliseconds(1)));
}

asio::awaitable<void> webhook_sender::wait(std::chrono::milliseconds time) {
    pause here{asio::steady_timer(executor_, time)};
    pauses_.insert(&here);
    finish_one();
    co_await here.timer.async_wait(quiet);
    pauses_.erase(&here);
    if (!here.ended)
        ++active_;
}

void webhook_sender::end_pauses() {
    for (auto* each : pauses_)
        if (!each->ended) {
            each->ended = true;
            ++active_;
            each->timer.cancel();
        }
}

void webhook_sender::finish_one() {
    if (--active_ == 0)
        idle_.cancel();
}

asio::awaitable<void> webhook_sender::flush(flush_order order) {
    auto sends = std::exchange(held_, {});
    switch (order) {
    case flush_order::as_made:
        break;
    case flush_order::reversed:
        std::ranges::reverse(sends);
        break;
    case flush_order::shuffled:
        shuffle(sends);
        break;
    }
    if (!sends.empty())
        start(std::move(sends), std::chrono::milliseconds(0));
    end_pauses();
    co_await idle();
}

asio::awaitable<void> webhook_sender::idle() {
    while (active_ > 0)
        co_await idle_.async_wait(quiet);
}

json_value webhook_sender::log(std::string_view type, std::string_view session_id) const {
    json_array found;
    for (auto& each : log_)
        if ((type.empty() || each->type == type) && (session_id.empty() || each->session_id == session_id))
            found.push_back(delivery_json(*each));
    return found;
}

void webhook_sender::clear() {
    ++generation_;
    held_.clear();
    log_.clear();
    end_pauses();
}

} // namespace clink_twin
