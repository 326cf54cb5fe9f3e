// Asks Clink again about every session and order of a range, settles what it says, and records what differs.
// Shares the work with whoever runs the same census, and takes up one that was stopped. Used on the I/O
// thread only.
#pragma once

#include "checkout/attempt_search.h"
#include "checkout/question_rate.h"
#include "checkout/refund_settler.h"
#include "checkout/session_settler.h"
#include "observe/tracer.h"
#include "storage/census_store.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

namespace checkout {

struct census_parts {
    census_store& censuses;
    order_store& orders;
    session_settler& sessions;
    attempt_search& search;
    refund_settler& refunds;
    clink_questions& questions;
};

struct census_options {
    int max_per_second = 200;       ///< calls to Clink
    std::chrono::seconds lease{60}; ///< of an order; overrun, it may be asked about twice
    tracer tracing;                 ///< a trace for each order, and for each page of Clink's list
    std::function<void(const std::string& how_far)> show;
};

class census_stopped : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class census {
public:
    static constexpr int orders_at_once = 16;

    census(boost::asio::any_io_executor executor, census_parts parts, census_options options);

    /// The certificate, as JSON. Throws database_unavailable, and census_stopped after stop(); what was done
    /// then is taken up by the next run.
    boost::asio::awaitable<std::string> run(census_scope scope);
    /// Ends run() as soon as what is under way is done or given back. Clink is not waited for.
    void stop();

private:
    boost::asio::awaitable<void> walk_list(const census_scope& scope);
    boost::asio::awaitable<void> take_in(const census_scope& scope, std::vector<order_facts> rows);
    boost::asio::awaitable<void> ask_about_orders();
    boost::asio::awaitable<bool> start_some();
    boost::asio::awaitable<void> ask_about(claimed_order order);
    boost::asio::awaitable<void> put_off(claimed_order order, std::string fault, call_context context);
    boost::asio::awaitable<int> take(claimed_order order, call_context context);
    boost::asio::awaitable<int> ask_sessions(const order_record& order, census_answers& said,
                                             call_context context);
    boost::asio::awaitable<int> ask_refunds(const order_record& order, call_context context);
    boost::asio::awaitable<int> ask_for_missing(const order_record& order, census_answers& said,
                                                call_context context);
    boost::asio::awaitable<void> rest(std::chrono::milliseconds pause);

    boost::asio::any_io_executor executor_;
    census_parts with_;
    const census_options options_;
    question_rate rate_;
    boost::asio::steady_timer timer_;
    census_record record_;
    std::int64_t done_here_ = 0;
    int in_flight_ = 0;
    bool stopping_ = false;
    int silent_in_a_row_ = 0;    ///< orders of which Clink said nothing at all
    std::exception_ptr failure_; ///< of one that runs by itself
};

} // namespace checkout
