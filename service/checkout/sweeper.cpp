#include "checkout/sweeper.h"

#include "checkout/failure_log.h"
#include "crypto/digest.h"
#include "observe/crash_point.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>

namespace checkout {

namespace asio = boost::asio;
using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr int claim_limit = 32;   ///< rows a claim
constexpr auto busy_pause = 10ms; ///< between claims while more is due

call_context new_origin() {
    return {.request_id = "sweep-" + make_uuid_v7(), .trace = {}};
}

constexpr const char* sweep_failed = "sweep_failed";

} // namespace

sweeper::sweeper(asio::any_io_executor executor, sweeper_parts parts, check_policy policy,
                 sweeper_options options)
    : with_(parts),
      policy_(std::move(policy)),
      options_(options),
      timer_(std::move(executor)),
      rate_(options.max_per_second) {}

asio::awaitable<void> sweeper::run() {
    while (!stopping_) {
        bool more_is_due = false;
        looking_ = true;
        try {
            more_is_due = co_await sweep();
            database_away_ = false;
        } catch (const std::exception& failure) {
            breaker_.skip(clock::now());
            if (!std::exchange(database_away_, true))
                write_log(log_level::warning, "sweep_paused", {{"detail", failure.what()}});
        }
        metrics().clink_circuit_open.set({}, breaker_.is_closed() ? 0 : 1);
        looking_ = false;
        timer_.expires_after(more_is_due ? busy_pause : options_.interval);
        if (!stopping_)
            co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

void sweeper::stop() {
    stopping_ = true;
    timer_.cancel();
}

/// One look at what is due; true when there may be more of it that can be begun soon. Each kind has its turn
/// to be first, so that none waits for ever. While Clink does not answer, one question of any kind finds out.
asio::awaitable<bool> sweeper::sweep() {
    bool leases = false;
    if (clock::now() >= leases_due_) {
        leases = co_await claim_leases();
        leases_due_ = clock::now() + (leases ? 0ms : options_.interval / 2);
    }
    bool more = false;
    const bool is_open = !breaker_.is_closed();
    const int permitted = is_open ? breaker_.permits(room(), clock::now()) : 0;
    int begun = 0;
    std::array kinds{&sweeper::claim_sessions, &sweeper::claim_refunds, &sweeper::claim_webhooks};
    std::ranges::rotate(kinds, kinds.begin() + (turn_ % kinds.size()));
    for (const auto claim : kinds) {
        const int room_now = breaker_.is_closed() ? room() : 0;
        const int free = is_open ? permitted - begun : room_now;
        if (free == 0)
            continue;
        const int count = co_await (this->*claim)(free);
        begun += count;
        more = more || count == free;
    }
    // Not at every look: turns might keep step with the rate, and one kind be the first every time.
    turn_ += begun > 0 ? 1 : 0;
    if (is_open && permitted > 0 && begun == 0)
        breaker_.skip(clock::now());
    co_return leases || (breaker_.is_closed() && (more || room() == 0));
}

/// Questions that may begin now. None for a while once the rate is used up: each claim sorts all that is due,
/// so that it is for a tenth of a second's questions, not for the next one.
int sweeper::room() {
    const int worth_a_claim = std::clamp(options_.max_per_second / 10, 1, claim_limit / 2);
    const int permitted = rate_.available(clock::now());
    const int free = std::min({claim_limit, max_in_flight - in_flight_, permitted});
    return free > 0 && permitted >= worth_a_claim && !stopping_ ? free : 0;
}

/// What a process that died left half done. Clink is not asked for it.
asio::awaitable<bool> sweeper::claim_leases() {
    auto claimed = co_await with_.sweeps.claim_leases(claim_limit, options_.lease);
    for (const auto& due : claimed)
        co_await with_.attempts.lapse(due.order, due.attempt);
    co_return claimed.size() == claim_limit;
}

asio::awaitable<int> sweeper::claim_sessions(int free) {
    auto claimed = co_await with_.sweeps.claim(free, options_.lease, policy_.offsets.back());
    crash_point("sweep.claimed");
    co_return co_await take(std::move(claimed));
}

asio::awaitable<int> sweeper::claim_refunds(int free) {
    auto claimed = co_await with_.refunds.claim(free, options_.lease);
    co_return co_await take(std::move(claimed));
}

asio::awaitable<int> sweeper::claim_webhooks(int free) {
    auto claimed = co_await with_.inbox.claim(free, options_.lease);
    co_return co_await take(std::move(claimed));
}

/// What was claimed while the sweeper was being stopped goes to other replicas: now, or when its claim ends.
template <class Due>
asio::awaitable<int> sweeper::take(std::vector<Due> claimed) {
    for (auto& due : claimed) {
        auto work = begin_span(due);
        if (!stopping_) {
            start(std::move(due), std::move(work));
            continue;
        }
        try {
            co_await give_back(std::move(due));
        } catch (const std::exception&) {
            log_failure(sweep_failed, std::current_exception(), work.context());
        }
    }
    co_return static_cast<int>(claimed.size());
}

span sweeper::begin_span(const due_session&) {
    return options_.tracing.begin_root(span_kind::internal, "sweep session", new_origin());
}

span sweeper::begin_span(const due_refund&) {
    return options_.tracing.begin_root(span_kind::internal, "sweep refund", new_origin());
}

span sweeper::begin_span(const kept_webhook& due) {
    return with_.webhooks.begin_span(due);
}

asio::awaitable<void> sweeper::give_back(due_session due) {
    co_await with_.sweeps.give_back(std::move(due.attempt));
}

asio::awaitable<void> sweeper::give_back(due_refund due) {
    co_await with_.refunds.postpone(std::move(due.clink_id), due.read_at);
}

asio::awaitable<void> sweeper::give_back(kept_webhook due) {
    co_await with_.inbox.give_back(due.id);
}

/// In the background. What fails here is due again when its claim is over.
template <class Due>
void sweeper::start(Due due, span work) {
    ++in_flight_;
    rate_.charge(1);
    auto context = work.context();
    asio::co_spawn(timer_.get_executor(), look_at(std::move(due), std::move(context)),
                   [this, held = std::move(work)](std::exception_ptr error, question_result asked) mutable {
                       finish(error, asked, held);
                   });
}

void sweeper::finish(std::exception_ptr error, const question_result& asked, span& work) {
    --in_flight_;
    rate_.charge(std::max(0, asked.calls - 1));
    if (error) {
        work.fail("exception");
        log_failure(sweep_failed, error, work.context());
    }
    if (!error && asked.calls > 0)
        breaker_.report(asked.outcome != question_outcome::unreachable, clock::now());
    else
        breaker_.skip(clock::now());
}

/// What fails of ours for good is put off like what Clink refuses, and shown like it: it would fail again.
void sweeper::take_for_refused(std::exception_ptr failure, question_result& asked,
                               const call_context& context) {
    if (is_passing(failure))
        std::rethrow_exception(failure);
    log_failure(sweep_failed, failure, context);
    asked.outcome = question_outcome::refused;
}

asio::awaitable<question_result> sweeper::ask_about(const due_session& due, call_context context) {
    switch (due.status) {
    case session_status::creating:
        break; // claim_leases
    case session_status::refused:
    case session_status::dark:
        co_return co_await with_.search.search(due.order_id, evidence::sweeper, std::move(context),
                                               search_hint());
    case session_status::open:
    case session_status::completed:
    case session_status::expired:
        co_return co_await with_.sessions.ask(due.session_id.value(), evidence::sweeper, std::move(context));
    }
    co_return question_result{};
}

asio::awaitable<question_result> sweeper::look_at(due_session due, call_context context) {
    question_result asked;
    const bool searches = due.status == session_status::dark || due.status == session_status::refused;
    if (due.status == session_status::creating || (searches && !searched_.insert(due.order).second))
        co_return asked; // one search is for all of an order's attempts, and plans them
    std::exception_ptr failure;
    try {
        asked = co_await ask_about(due, context);
    } catch (...) {
        failure = std::current_exception();
    }
    if (searches)
        searched_.erase(due.order);
    if (failure)
        take_for_refused(failure, asked, context);
    const bool planned = asked.outcome == question_outcome::answered
                         || (asked.outcome == question_outcome::incomplete && !handing_over_);
    if (planned)
        co_return asked;
    if (handing_over_)
        co_await give_back(std::move(due));
    else
        co_await note_failure(std::move(due), asked.outcome);
    co_return asked;
}

/// A session is stuck when Clink says nothing about it alone: an outage escalates nothing, unless it is long.
asio::awaitable<void> sweeper::note_failure(due_session due, question_outcome outcome) {
    const auto order = co_await with_.orders.find_order_of(due.attempt);
    const auto* session = order ? order->find_session(due.attempt) : nullptr;
    if (session == nullptr)
        co_return;
    const bool alone = outcome == question_outcome::refused || outcome == question_outcome::absent
                       || (breaker_.reached_lately(clock::now()) && session->failed_checks > 1);
    const auto patience = alone ? stuck_after : stuck_in_outage_after;
    if (!session->stuck_at && is_stuck(*session, order->read_at, patience))
        co_await with_.sweeps.mark_stuck(due.order, due.attempt);
    co_await with_.sweeps.note_failure(due.attempt,
                                       find_retry(session->failed_checks, order->read_at, policy_));
}

asio::awaitable<question_result> sweeper::look_at(due_refund due, call_context context) {
    refund_result result;
    try {
        result =
            co_await with_.refund_questions.ask(due.clink_id, due.recorded_at, evidence::sweeper, context);
    } catch (...) {
        take_for_refused(std::current_exception(), result.asked, context);
    }
    if (result.asked.outcome == question_outcome::answered)
        co_return result.asked;
    if (handing_over_)
        co_await give_back(std::move(due));
    else
        co_await with_.refunds.postpone(
            due.clink_id,
            find_next_refund_check(refund_status::unknown, true, due.recorded_at, due.read_at, policy_));
    co_return result.asked;
}

asio::awaitable<question_result> sweeper::look_at(kept_webhook due, call_context context) {
    return with_.webhooks.handle(std::move(due), std::move(context));
}

} // namespace checkout
