// Turns an order into a checkout page: decides, commits the intent, asks Clink with no transaction open, and
// releases the handle only if the attempt is still the order's. Contract section 3, POST
// /v1/checkout-sessions. Used on the I/O thread only.
#pragma once

#include "checkout/session_settler.h"
#include "checkout/wake_board.h"
#include "clink/client.h"
#include "domain/create_decision.h"
#include "domain/redirect.h"
#include "observe/call_context.h"
#include "storage/attempt_store.h"
#include "storage/order_store.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <set>
#include <string>

namespace checkout {

struct creator_options {
    std::chrono::milliseconds clink_timeout{10'000};
    /// With it Clink is given this service's own success and cancel URLs, and a signer is needed.
    std::optional<std::string> public_base_url;
};

/// A session that a customer can be sent to.
struct checkout_page {
    merchant_order_id order_id;
    session_record session;
    bool replayed = false; ///< it was there already
};

class checkout_creator {
public:
    checkout_creator(boost::asio::any_io_executor executor, order_store& orders, attempt_store& attempts,
                     session_settler& settler, clink_client& clink, const redirect_signer* signer,
                     creator_options options);

    /// Fails with each errc of the create operation. Throws database_unavailable: then nothing was handed
    /// out, and the same request may be sent again.
    boost::asio::awaitable<result<checkout_page>> create(merchant_order_id order_id, checkout_terms terms,
                                                         bool supersede, call_context context);

    /// An attempt of the order ended in another replica, or (order_key{0}) some may have: whoever waits looks
    /// again.
    void hear_of_end(order_key order);

    /// Lets the patience of everybody who waits for another request's attempt end now, and from now on.
    void turn_away();

private:
    struct job; ///< one request on its way

    boost::asio::awaitable<result<checkout_page>> continue_order(job work);
    boost::asio::awaitable<std::optional<begun_attempt>> begin_first(attempt_intent intent);
    boost::asio::awaitable<std::optional<begun_attempt>> begin_next(attempt_intent intent, next_attempt next);
    boost::asio::awaitable<std::optional<failure>> wait_for(job work, order_key order, attempt_id winner,
                                                            std::chrono::steady_clock::time_point until);
    boost::asio::awaitable<void> ask_to_be_told(attempt_id winner);
    boost::asio::awaitable<result<checkout_page>> finish(job work, begun_attempt attempt,
                                                         std::optional<attempt_id> supersedes);
    boost::asio::awaitable<result<checkout_page>> ask_clink(job work, begun_attempt attempt,
                                                            std::optional<attempt_id> supersedes);
    boost::asio::awaitable<result<checkout_page>> release(job work, begun_attempt attempt,
                                                          created_session made,
                                                          std::optional<attempt_id> supersedes,
                                                          exchange_record record);
    boost::asio::awaitable<std::optional<session_record>> release_once(job work, begun_attempt attempt,
                                                                       released_handle handle,
                                                                       std::optional<attempt_id> supersedes,
                                                                       exchange_record record);
    boost::asio::awaitable<void> close(job work, begun_attempt attempt, unreleased_end end,
                                       exchange_record record);
    boost::asio::awaitable<result<checkout_page>> explain_fence(attempt_id attempt);

    attempt_intent make_intent(const job& work) const;
    std::chrono::steady_clock::time_point lease_end() const;
    create_command make_command(const job& work, const attempt_id& attempt) const;

    order_store& orders_;
    attempt_store& attempts_;
    session_settler& settler_;
    clink_client& clink_;
    const redirect_signer* signer_;
    creator_options options_;
    wake_board finished_;            ///< by order key: an attempt of the order came to its end
    std::set<attempt_id> in_flight_; ///< attempts of this process
    bool turning_away_ = false;
};

} // namespace checkout
