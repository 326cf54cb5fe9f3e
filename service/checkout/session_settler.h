// Asks Clink what became of a session and takes the answer through the settle door. Every hint about a
// session that is known ends here: a redirect, a refresh, a webhook, the sweeper's turn. Used on the I/O
// thread only.
#pragma once

#include "checkout/clink_questions.h"
#include "checkout/question_budget.h"
#include "checkout/settle_door.h"
#include "checkout/wake_board.h"
#include "domain/errc.h"
#include "observe/call_context.h"
#include "storage/order_store.h"

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
    bool asked = false;                         ///< Clink was asked in this call
    bool answered = false;                      ///< and gave an answer, which the record has
    bool could_move = true;                     ///< another answer of Clink's might change the record
    std::chrono::milliseconds next_question{0}; ///< until Clink may be asked again

    const session_record& session() const { return *order.find_session(attempt); }
};

class session_settler {
public:
    session_settler(boost::asio::any_io_executor executor, order_store& orders, settle_door& door,
                    clink_questions& questions);

    /// For callers who name a session: session_not_found, without a call to Clink, when none was released
    /// under that id. A settled one is answered from the record, and so is one that was asked about too
    /// often; concurrent questions about one session are one. Throws database_unavailable.
    boost::asio::awaitable<result<session_outcome>> refresh(clink_session_id session, evidence source,
                                                            call_context context);

    /// Asks regardless of budget and record, and settles; `hint` is an order of Clink's that is said to be
    /// the session's. Joins a question about the session that is under way. Throws database_unavailable.
    boost::asio::awaitable<question_result> ask(clink_session_id session, evidence source,
                                                call_context context,
                                                std::optional<clink_order_id> hint = {});

private:
    boost::asio::awaitable<question_result> ask_alone(clink_session_id session, evidence source,
                                                      call_context context,
                                                      std::optional<clink_order_id> hint);

    order_store& orders_;
    settle_door& door_;
    clink_questions& questions_;
    question_budget budget_;
    wake_board answers_;
    struct flight;
    std::unordered_map<std::string, std::shared_ptr<flight>> flights_;
};

} // namespace checkout
