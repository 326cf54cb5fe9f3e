// Takes in Clink's webhooks: verified, committed to the inbox, acknowledged, and then handled by asking
// Clink; a signed claim is a reason to ask, never an answer. Contract section 3, POST /webhooks/clink. Used
// on the I/O thread only.
#pragma once

#include "checkout/attempt_search.h"
#include "checkout/refund_settler.h"
#include "checkout/session_settler.h"
#include "clink/webhook_event.h"
#include "clink/webhook_signature.h"
#include "observe/tracer.h"
#include "storage/webhook_store.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace checkout {

struct webhook_options {
    std::vector<std::string> signing_keys;      ///< empty: the endpoint is off
    std::chrono::seconds tolerance{300};        ///< 0: no window
    std::optional<std::string> account_website; ///< for the answer to order.succeeded
    std::chrono::seconds lease{60};             ///< longer than it takes to handle an event
    tracer tracing;                             ///< a trace for each handling
};

struct webhook_receipt {
    webhook_authenticity verdict = webhook_authenticity::forged;
    std::optional<std::string> answer; ///< JSON; nothing: a bare 200
};

class webhook_desk {
public:
    /// Events handled at the same time; further ones wait in the inbox.
    static constexpr std::size_t max_in_flight = 64;

    webhook_desk(boost::asio::any_io_executor executor, order_store& orders, webhook_store& inbox,
                 refund_store& refunds, session_settler& sessions, attempt_search& search,
                 refund_settler& refund_questions, check_policy policy, webhook_options options);

    bool enabled() const { return !options_.signing_keys.empty(); }

    /// A delivery. Unless forged it is in the inbox when this returns, and its handling has begun. Throws
    /// database_unavailable and write_in_doubt: then it is not to be acknowledged.
    boost::asio::awaitable<webhook_receipt> receive(webhook_headers headers, std::string body,
                                                    call_context context);

    /// Of one handling of an event, in the name of the delivery that brought it.
    span begin_span(const kept_webhook& webhook) const;
    /// Handles an event of the inbox to its end, or until its next try. What Clink was asked for it.
    boost::asio::awaitable<question_result> handle(kept_webhook webhook, call_context context);

    /// From now on an event of which Clink did not say enough is due at once, for another replica: this one
    /// is about to end.
    void hand_over() { handing_over_ = true; }
    std::size_t in_flight() const { return in_flight_; }

private:
    struct handling;
    class slot;

    void start(kept_webhook webhook, slot mine);
    boost::asio::awaitable<std::optional<std::string>> write_answer(const webhook_event& event);
    boost::asio::awaitable<handling> ask(const webhook_event& event, const kept_webhook& webhook,
                                         call_context context);
    boost::asio::awaitable<handling> ask_about_payment(const webhook_event& event, call_context context);
    boost::asio::awaitable<std::optional<order_record>>
    find_order(const webhook_event& event, call_context context, question_result& asked);
    boost::asio::awaitable<handling> ask_about_refund(const webhook_event& event, const kept_webhook& webhook,
                                                      call_context context);

    boost::asio::any_io_executor executor_;
    order_store& orders_;
    webhook_store& inbox_;
    refund_store& refunds_;
    session_settler& sessions_;
    attempt_search& search_;
    refund_settler& refund_questions_;
    const check_policy policy_;
    const webhook_options options_;
    std::size_t in_flight_ = 0;
    bool handing_over_ = false;
};

} // namespace checkout
