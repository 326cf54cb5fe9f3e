// Asks Clink, unasked by anybody, about everything whose outcome is not known for good: released sessions,
// attempts whose session was never known, refunds under way and webhooks that were not handled to their end.
// Replicas share the work by claims; one replica's questions are bounded by rate, number and a circuit
// breaker. Used on the I/O thread only.
#pragma once

#include "checkout/attempt_search.h"
#include "checkout/circuit_breaker.h"
#include "checkout/question_rate.h"
#include "checkout/refund_settler.h"
#include "checkout/session_settler.h"
#include "checkout/webhook_desk.h"
#include "observe/tracer.h"
#include "storage/attempt_store.h"
#include "storage/sweep_store.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <set>
#include <vector>

namespace checkout {

struct sweeper_options {
    std::chrono::milliseconds interval{1'000}; ///< between looks for what is due; 0: off
    int max_per_second = 200;                  ///< calls to Clink
    std::chrono::seconds lease{60};            ///< of a claim; longer than a question takes
    tracer tracing;                            ///< a trace for each question
};

/// What the sweeper works with.
struct sweeper_parts {
    sweep_store& sweeps;
    attempt_store& attempts;
    order_store& orders;
    refund_store& refunds;
    webhook_store& inbox;
    session_settler& sessions;
    attempt_search& search;
    refund_settler& refund_questions;
    webhook_desk& webhooks;
};

class sweeper {
public:
    static constexpr int max_in_flight = 64; ///< questions at the same time

    sweeper(boost::asio::any_io_executor executor, sweeper_parts parts, check_policy policy,
            sweeper_options options);

    /// Until stop(). Spawned once; `this` outlives it.
    boost::asio::awaitable<void> run();
    /// Begins nothing more; what is under way goes on, what is claimed only now is given back.
    void stop();
    /// From now on what Clink was asked about in vain is due at once, for another replica: this one is about
    /// to end.
    void hand_over() { handing_over_ = true; }
    int in_flight() const { return in_flight_; }
    /// A question is under way, or a claim.
    bool is_busy() const { return looking_ || in_flight_ > 0; }

private:
    boost::asio::awaitable<bool> sweep();
    int room();
    boost::asio::awaitable<bool> claim_leases(); ///< whether there may be more
    // Each: how many of `free` were claimed.
    boost::asio::awaitable<int> claim_sessions(int free);
    boost::asio::awaitable<int> claim_refunds(int free);
    boost::asio::awaitable<int> claim_webhooks(int free);
    template <class Due>
    boost::asio::awaitable<int> take(std::vector<Due> claimed);
    span begin_span(const due_session& due);
    span begin_span(const due_refund& due);
    span begin_span(const kept_webhook& due);
    template <class Due>
    void start(Due due, span work);
    void finish(std::exception_ptr error, const question_result& asked, span& work);
    boost::asio::awaitable<void> give_back(due_session due);
    boost::asio::awaitable<void> give_back(due_refund due);
    boost::asio::awaitable<void> give_back(kept_webhook due);
    void take_for_refused(std::exception_ptr failure, question_result& asked, const call_context& context);
    boost::asio::awaitable<question_result> ask_about(const due_session& due, call_context context);
    boost::asio::awaitable<question_result> look_at(due_session due, call_context context);
    boost::asio::awaitable<question_result> look_at(due_refund due, call_context context);
    boost::asio::awaitable<question_result> look_at(kept_webhook due, call_context context);
    boost::asio::awaitable<void> note_failure(due_session due, question_outcome outcome);

    sweeper_parts with_;
    const check_policy policy_;
    const sweeper_options options_;
    boost::asio::steady_timer timer_;
    question_rate rate_;
    circuit_breaker breaker_;
    std::size_t turn_ = 0;                               ///< looks in which something began
    std::chrono::steady_clock::time_point leases_due_{}; ///< not at every look while more is due
    int in_flight_ = 0;
    std::set<order_key> searched_; ///< orders for whose attempts a search is under way
    bool looking_ = false;
    bool stopping_ = false;
    bool handing_over_ = false;
    bool database_away_ = false;
};

} // namespace checkout
