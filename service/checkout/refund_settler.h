// Asks Clink about a refund and takes the answer through the settle door of the order that was refunded; a
// refund of nothing on record is kept and shown. Used on the I/O thread only.
#pragma once

#include "checkout/session_settler.h"
#include "observe/call_context.h"
#include "storage/refund_store.h"

#include <boost/asio/awaitable.hpp>

#include <optional>

namespace checkout {

struct refund_result {
    question_result asked;
    std::optional<order_key> order; ///< whose refund it is
};

class refund_settler {
public:
    refund_settler(order_store& orders, refund_store& refunds, settle_door& door, session_settler& sessions,
                   clink_questions& questions, clink_client& clink);

    /// `since`: when the refund was first heard of. Incomplete, with nothing recorded, when Clink owes the
    /// answer about what was refunded. Throws database_unavailable.
    boost::asio::awaitable<refund_result> ask(clink_refund_id refund, instant since, evidence source,
                                              call_context context);

private:
    struct refunded_order {
        std::optional<order_record> order;
        question_result asked; ///< answered also when nothing had to be asked
    };

    boost::asio::awaitable<refunded_order> find_order(const refund_facts& refund, evidence source,
                                                      call_context context);
    boost::asio::awaitable<refunded_order> ask_for_order(clink_order_id id, evidence source,
                                                         call_context context);

    order_store& orders_;
    refund_store& refunds_;
    settle_door& door_;
    session_settler& sessions_;
    clink_questions& questions_;
    clink_client& clink_;
};

} // namespace checkout
