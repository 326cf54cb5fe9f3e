// Clink's memory and its rules: which sessions, orders and refunds exist, and what paying, failing, leaving
// and expiring do to them (clink-api.md sections 3.4, 6 and 10). Every change tells its events to one sink,
// in Clink's natural order. Time comes in with each call; nothing here waits, and nothing knows HTTP or JSON.
// One thread.
#pragma once

#include "customers.h"
#include "model.h"
#include "settings.h"

#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace clink_twin {

/// How a customer pays. Everything left out follows the session.
struct payment_choice {
    std::string method; ///< empty: the session's default, else CARD
    std::string card_last_four = "4242";
    std::string card_scheme = "VISA";
    std::string payment_currency;         ///< empty: the session's own
    std::optional<decimal> exchange_rate; ///< payment currency per original; needed for another currency...
    std::optional<decimal> amount_total;  ///< ...unless the total is given outright
    std::optional<std::string> promotion_code; ///< nothing: the session's pre-filled one
    std::optional<decimal> discount;           ///< in the original currency, instead of a code
    std::optional<decimal> surcharge;          ///< in the payment currency; nothing: the setting
    bool recurring = false;                    ///< a subscription's first payment
    bool after_expiry = false;  ///< the fault "payment after expiry": an expired session may be paid
    bool stays_expired = false; ///< ...and its status then stays `expired`, with `paid`
    order_status waiting = order_status::pending; ///< of a processing order: pending or requires_action
    std::string failure_code = "card_declined";
    std::string failure_message = "The card was declined.";
};

struct refund_terms {
    std::string order_id;
    std::string merchant_refund_id;
    decimal amount;
    std::string reason;
    std::optional<refund_outcome> outcome; ///< nothing: the setting
    std::string failure_code = "processor_communication_error";
};

struct dispute_terms {
    std::optional<decimal> amount; ///< nothing: the order's total
    dispute_status status = dispute_status::pending;
};

struct order_filter {
    std::string merchant_reference_id; ///< empty: any
    std::string customer_id;
    std::string subscription_id;
};

class twin_state {
public:
    using event_sink = std::function<void(std::vector<event>)>;
    twin_state(const twin_settings& settings, event_sink sink);

    /// Refuses only for the customer (2.3). The reference is not looked at: sessions of one reference are
    /// distinct.
    outcome<const session*> create_session(session_terms terms, std::string raw_body, instant now);

    /// A session is paid at most once: SESSION_COMPLETED, SESSION_EXPIRED and PAYMENT_PROCESSING refuse. The
    /// results are the order made.
    outcome<const order*> pay(std::string_view session_id, const payment_choice& choice, instant now);
    outcome<const order*> fail(std::string_view session_id, const payment_choice& choice, instant now);
    outcome<const order*> process(std::string_view session_id, const payment_choice& choice, instant now);
    /// Ends what `process` began, also after expiry.
    outcome<const order*> settle(std::string_view session_id, bool success, const payment_choice& choice,
                                 instant now);
    /// A later period's payment of a subscription that `pay` with `recurring` began.
    outcome<const order*> renew(std::string_view session_id, instant now);
    outcome<const session*> expire(std::string_view session_id);
    /// The customer left: navigation only (4.2).
    void leave(std::string_view session_id);
    /// Expires what is due. To be called before anything that looks at a session.
    void expire_due(instant now);
    /// When the next open session expires.
    std::optional<instant> next_expiry() const;

    /// Idempotent on the merchant's refund id: its repetition gives the refund that exists.
    outcome<const refund*> refund_order(const refund_terms& terms, instant now);
    outcome<const refund*> settle_refund(std::string_view refund_id, bool success,
                                         const std::string& failure_code);
    outcome<const dispute*> open_dispute(std::string_view order_id, const dispute_terms& terms, instant now);

    /// As if it had never been, to whoever asks from now on; what else refers to it stays as it is. Nothing
    /// happens where it is not known.
    void forget_session(std::string_view id);
    void forget_order(std::string_view id);

    const session* find_session(std::string_view id) const;
    const order* find_order(std::string_view id) const;
    const refund* find_refund(std::string_view id) const;
    /// Matching orders, oldest first.
    std::vector<const order*> find_orders(const order_filter& filter) const;
    /// All attempts, failed ones included, oldest first.
    std::vector<const order*> find_orders_of_session(const session& of) const;
    /// Oldest first; an empty reference gives all.
    std::vector<const session*> find_sessions(std::string_view merchant_reference_id) const;
    std::vector<const refund*> find_refunds(std::string_view order_id) const;

    /// What `choice` would cost: the total in the payment currency. Refuses an unknown or useless promotion
    /// code, a missing rate, and a discount that leaves nothing to pay.
    outcome<decimal> price(const session& of, const payment_choice& choice) const;

    customer_book& customers() { return customers_; }
    void clear();

private:
    template <class T>
    static T* look_up(const std::unordered_map<std::string, T*>& index, std::string_view id) {
        auto found = index.find(std::string(id));
        return found == index.end() ? nullptr : found->second;
    }
    /// Takes a record out of its list; the list goes with the last one.
    template <class T>
    static void unlist(std::unordered_map<std::string, std::vector<T*>>& lists, const std::string& key,
                       T* which) {
        auto list = lists.find(key);
        if (list != lists.end() && std::erase(list->second, which) > 0 && list->second.empty())
            lists.erase(list);
    }

    outcome<session*> payable_session(std::string_view id, const payment_choice& choice);
    outcome<order*> add_order(session& of, const payment_choice& choice, instant now);
    outcome<decimal> discount(const session& of, const payment_choice& choice) const;
    void complete(session& of, order& by, bool stays_expired, instant now);
    void finish_refund(refund& which, bool success, const std::string& failure_code);
    void expire(session& which, std::vector<event>& events);

    const twin_settings& settings_;
    event_sink sink_;
    customer_book customers_;
    // Deques: records never move, so the indexes hold pointers. Forgotten ones stay, and are in no index.
    std::deque<session> sessions_;
    std::deque<order> orders_;
    std::deque<refund> refunds_;
    std::deque<dispute> disputes_;
    std::unordered_map<std::string, session*> session_by_id_;
    std::unordered_map<std::string, order*> order_by_id_;
    std::unordered_map<std::string, refund*> refund_by_id_;
    std::unordered_map<std::string, refund*> refund_by_merchant_id_;
    std::unordered_map<std::string, std::vector<session*>> sessions_by_reference_;
    std::unordered_map<std::string, std::vector<order*>> orders_by_reference_;
    std::unordered_map<std::string, std::vector<order*>> orders_by_session_;
    std::set<std::pair<instant, session*>> expiries_; ///< of open sessions
};

/// prefix + 24 random hex digits.
std::string make_id(std::string_view prefix);

} // namespace clink_twin
