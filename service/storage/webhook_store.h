// The inbox of Clink's webhooks: each authentic event once by its id, as raw bytes, committed before it is
// acknowledged; then handled, again and again if need be, by whichever replica claims it.
#pragma once

#include "domain/order.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace checkout {

struct received_webhook {
    std::string event_id;
    std::string type; ///< empty when it could not be read
    std::string body; ///< byte for byte
    instant signed_at{};
    bool late = false;
    std::optional<std::string> answer; ///< what it is acknowledged with
    std::string request_id;
};

/// An event in the inbox, to be handled.
struct kept_webhook {
    std::int64_t id = 0;
    std::string event_id;
    std::string body;
    bool late = false;
    instant received_at{};
    instant read_at{}; ///< the database's clock
    std::string request_id;
};

/// What became of a delivery.
struct kept_delivery {
    bool first = false;                ///< false: the event was there already
    std::optional<std::string> answer; ///< what the first delivery was answered with
    kept_webhook webhook;              ///< when first
};

class webhook_store {
public:
    explicit webhook_store(database& db) : db_(db) {}

    /// Keeps it once and counts the delivery. A first one is not due before `lease` has passed. Throws
    /// database_unavailable (so do all) and write_in_doubt: then it is not acknowledged and Clink sends it
    /// again.
    boost::asio::awaitable<kept_delivery> keep(received_webhook webhook, std::chrono::seconds lease);
    /// Up to `limit` that are due and that nobody else is claiming, the longest due first.
    boost::asio::awaitable<std::vector<kept_webhook>> claim(int limit, std::chrono::seconds lease);
    /// It was not handled after all: due at once, for whoever comes first.
    boost::asio::awaitable<bool> give_back(std::int64_t webhook);
    /// Handled: explains its orphan_event, and is an event of `order`, when there is one.
    boost::asio::awaitable<bool> finish(kept_webhook webhook, std::string type, std::string outcome,
                                        std::optional<order_key> order);
    /// To be handled again at `next`.
    boost::asio::awaitable<bool> postpone(std::int64_t webhook, std::string outcome, instant next);
    /// Shown as an orphan_event, and handled again at `next`; nothing: only a person can explain it.
    boost::asio::awaitable<bool> park(kept_webhook webhook, std::string type, std::string outcome,
                                      std::optional<order_key> order, std::optional<instant> next);

private:
    database& db_;
};

} // namespace checkout
