// Looks at Clink for what belongs to an order's attempts whose sessions were never known: dark and refused
// ones, by the order's reference. What is found goes through the settle door; what belongs to no attempt is
// shown. Contract section 2. Used on the I/O thread only.
#pragma once

#include "checkout/clink_questions.h"
#include "checkout/settle_door.h"
#include "observe/call_context.h"
#include "storage/discrepancy_store.h"
#include "storage/order_store.h"
#include "storage/sweep_store.h"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <vector>

namespace checkout {

/// What led to the search, of what the order does not know.
struct search_hint {
    std::optional<clink_session_id> session_id;
    std::optional<clink_order_id> order_id;
};

/// The attempt that a session or order of Clink's belongs to: the one it names in its metadata, unless it has
/// a session and the attempt another, else the oldest one without a session. Nothing: it belongs to none.
/// `named` is metadata.checkoutAttemptId.
const session_record* find_owner(const order_record& order, const std::optional<std::string>& named,
                                 bool has_session);

class attempt_search {
public:
    attempt_search(order_store& orders, sweep_store& sweeps, discrepancy_store& discrepancies,
                   settle_door& door, clink_questions& questions);

    /// Settles every session and successful order of Clink's with the order's reference that the record does
    /// not have, and plans the next search. Incomplete when Clink owes an answer about one of them, or when
    /// there were too many for one search: the others were settled. Throws database_unavailable.
    boost::asio::awaitable<question_result> search(merchant_order_id order, evidence source,
                                                   call_context context, search_hint hint);

private:
    struct view;     ///< what one pass sees
    struct progress; ///< of one search, over its passes
    struct finding;

    boost::asio::awaitable<view> look(merchant_order_id order, const search_hint& hint, progress& so_far,
                                      call_context context);
    boost::asio::awaitable<std::optional<finding>> next_finding(view& seen, progress& so_far,
                                                                call_context context);
    boost::asio::awaitable<std::optional<finding>> next_session(view& seen, progress& so_far,
                                                                call_context context);
    static std::optional<finding> next_order(const view& seen, progress& so_far);
    boost::asio::awaitable<void> finish(const order_record& order, progress& so_far, evidence source,
                                        call_context context);
    boost::asio::awaitable<void> plan(const order_record& order, const progress& so_far);
    boost::asio::awaitable<void> show_orphans(const order_record& order, std::vector<order_facts> orphans,
                                              evidence source, std::string request_id);

    order_store& orders_;
    sweep_store& sweeps_;
    discrepancy_store& discrepancies_;
    settle_door& door_;
    clink_questions& questions_;
};

} // namespace checkout
