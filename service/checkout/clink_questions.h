// What the service asks Clink about sessions that it knows or looks for: the calls that make up one answer,
// and whether it was one. Decides and stores nothing. Used on the I/O thread only.
#pragma once

#include "clink/client.h"
#include "domain/settle.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace checkout {

enum class question_outcome {
    answered,
    incomplete, ///< of several things that were asked for one answer, Clink owes some
    absent,     ///< Clink says that it has no such thing
    refused,    ///< Clink can be reached, and says nothing about this
    unreachable ///< no answer, a fault, or none of our questions is answered (key, rate limit)
};

struct question_result {
    question_outcome outcome = question_outcome::unreachable;
    int calls = 0; ///< to Clink
};

/// What Clink said of a session. `word` exactly when answered.
struct heard_session {
    question_result result;
    std::optional<clink_word> word;
    std::string body; ///< of the session's answer, sanitised
};

struct heard_order {
    question_result result;
    std::optional<order_facts> order; ///< exactly when answered
};

/// A page of all of Clink's orders.
struct heard_page {
    question_result result;
    std::vector<order_facts> orders;
    std::optional<std::int64_t> total; ///< over all pages
};

struct heard_orders {
    question_result result;
    std::vector<order_facts> orders; ///< each once
    bool whole = false;              ///< there were no more pages than are walked
};

/// Which of Clink's orders are asked about with a session.
enum class order_scope {
    of_payment, ///< if it is paid: the order that it names, or if it names none, those that name it
    all,        ///< if it is not open any more, paid or not: those that name it
};

class clink_questions {
public:
    static constexpr int order_page_size = 50; ///< Clink's cap (clink-api.md 6)

    explicit clink_questions(clink_client& clink) : clink_(clink) {}

    /// The session and the orders behind it, that of `hint` included: they have the amounts, times and
    /// refunds that a session lacks. Without their answer the session's word stands alone.
    boost::asio::awaitable<heard_session> hear_session(clink_session_id session, merchant_order_id reference,
                                                       std::optional<clink_order_id> hint, order_scope scope,
                                                       call_context context);
    /// Every order of Clink's with the reference, over all pages.
    boost::asio::awaitable<heard_orders> hear_orders(merchant_order_id reference, call_context context);
    /// A page of all of Clink's orders; from 1.
    boost::asio::awaitable<heard_page> hear_page(int page, call_context context);
    boost::asio::awaitable<heard_order> hear_order(clink_order_id order, call_context context);

private:
    boost::asio::awaitable<int> add_listed_orders(clink_word& word, merchant_order_id reference,
                                                  call_context context);
    boost::asio::awaitable<int> add_order(clink_word& word, clink_order_id order, call_context context);

    clink_client& clink_;
};

/// What an exchange that brought no answer says of Clink.
question_outcome outcome_of(const exchange_report& report);

} // namespace checkout
