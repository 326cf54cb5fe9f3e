// A census in the database: which orders it is of, who asks about which, and what was found. Replicas and
// runs with the same scope share one; one that is stopped is taken up where it was.
#pragma once

#include "domain/census.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace checkout {

enum class census_id : std::int64_t {};

struct census_scope {
    instant from{};
    instant to{};            ///< exclusive
    bool whole_list = false; ///< Clink's own order list, too
};

/// A census that is running.
struct census_record {
    census_id id{};
    bool taken_up = false; ///< it was begun before
    instant started_at{};
    std::int64_t order_count = 0;
};

struct claimed_order {
    order_key key{};
    merchant_order_id id;
    int tries = 0; ///< this one included
};

struct census_progress {
    std::int64_t open = 0;    ///< orders without a result
    std::int64_t claimed = 0; ///< of those: being asked about by somebody
    bool list_done = true;
    int list_page = 1;
};

/// Lines of all orders by result and currency.
struct census_sum {
    census_result result = census_result::not_answered;
    std::optional<std::string> currency;
    std::int64_t count = 0;
    std::string amount; ///< the database's text
};

struct census_sums {
    std::vector<census_sum> lines;
    std::int64_t orders = 0;
    std::int64_t sessions = 0;           ///< of the orders
    std::int64_t open_discrepancies = 0; ///< of the orders, and of no order where the whole list was walked
    instant now{};
};

/// A paid order in Clink's own list.
struct listed_order {
    clink_order_id id;
    std::optional<merchant_order_id> reference;
    std::optional<clink_session_id> session_id;
    std::optional<std::string> currency;
    std::optional<decimal> amount;
};

class census_store {
public:
    explicit census_store(database& db) : db_(db) {}

    /// The census of that scope that is running, else a new one over every order with a session, payment or
    /// refund recorded in the range. One that was begun longer ago than `too_old` is abandoned. Throws
    /// database_unavailable (so do all).
    boost::asio::awaitable<census_record> begin(census_scope scope, std::chrono::hours too_old);
    /// Orders without a result that nobody asks about.
    boost::asio::awaitable<std::vector<claimed_order>> claim(census_id census, int at_most,
                                                             std::chrono::seconds lease);
    /// Of a claim that nothing came of: the order is anybody's at once.
    boost::asio::awaitable<bool> give_back(census_id census, order_key order);
    /// The order is anybody's after `pause`.
    boost::asio::awaitable<bool> postpone(census_id census, order_key order, std::chrono::seconds pause);
    /// Its result and its discrepancies together.
    boost::asio::awaitable<bool> record(census_id census, order_key order, order_census found,
                                        std::string request_id);
    boost::asio::awaitable<census_progress> look(census_id census);

    /// Those of `paid` that belong to no payment on record, with the order that their reference names, if
    /// there is one.
    boost::asio::awaitable<std::vector<listed_order>> find_unrecorded(std::vector<listed_order> paid);
    /// Makes the census one of that order, too.
    boost::asio::awaitable<bool> add_order(census_id census, merchant_order_id order);
    /// One that belongs to no order on record: kept for the sums, and shown as an orphan.
    boost::asio::awaitable<bool> record_stray(census_id census, listed_order stray, std::string request_id);
    /// The page of Clink's list that is next; nothing: it was walked.
    boost::asio::awaitable<bool> note_page(census_id census, std::optional<int> next);

    /// What was found; nothing when the census is no longer running.
    boost::asio::awaitable<std::optional<census_sums>> add_up(census_id census);
    /// Ends it; false when it was ended already.
    boost::asio::awaitable<bool> finish(census_id census, std::string certificate);
    /// The certificate of a census that is finished.
    boost::asio::awaitable<std::optional<std::string>> find_certificate(census_id census);

private:
    database& db_;
};

} // namespace checkout
