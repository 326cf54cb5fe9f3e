// Asks Clink what became of a session and takes the answer through the settle door. Every hint ends here: a
// redirect, a refresh, and whatever comes later. Used on the I/O thread only.
#pragma once

#include "checkout/call_context.h"
#include "checkout/question_budget.h"
#include "checkout/wake_board.h"
#include "clink/client.h"
#include "domain/errc.h"
#include "domain/settle.h"
#include "storage/order_store.h"
#include "storage/settlement_store.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace checkout {

/// What is known of a session after a hint.
struct session_outcome {
    order_record order; ///< as it stands now
    attempt_id attempt;
    bool answered = false;                      ///< Clink said so in this call
    bool could_move = true;                     ///< Clink might know more than the record
    std::chrono::milliseconds next_question{0}; ///< before which another one would not be asked

    const session_record& session() const { return *order.find_session(attempt); }
};

class session_settler {
public:
    session_settler(boost::asio::any_io_executor executor, order_store& orders, settlement_store& settlements,
                    clink_client& clink);

    /// For callers who name a session: session_not_found, without a call to Clink, when none was released
    /// under that id. A settled one is answered from the record, and so is one that was asked about too
    /// often; concurrent questions about one session are one. Throws database_unavailable.
    boost::asio::awaitable<result<session_outcome>> refresh(clink_session_id session, evidence source,
                                                            call_context context);

    /// Asks regardless of budget and record, and settles. False when Clink did not answer.
    boost::asio::awaitable<bool> ask(clink_session_id session, evidence source, call_context context);

private:
    boost::asio::awaitable<bool> ask_alone(clink_session_id session, evidence source, call_context context);
    boost::asio::awaitable<std::optional<clink_word>> hear(clink_session_id session, merchant_order_id order,
                                                           std::string traceparent, std::string& body);
    boost::asio::awaitable<void> hear_orders(clink_word& word, merchant_order_id order,
                                             std::string traceparent);

    order_store& orders_;
    settlement_store& settlements_;
    clink_client& clink_;
    question_budget budget_;
    wake_board answers_;
    struct flight;
    std::unordered_map<std::string, std::shared_ptr<flight>> flights_;
};

} // namespace checkout
