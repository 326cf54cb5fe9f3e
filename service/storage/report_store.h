// Finance's reads. Keyset pages: a page names the last row it saw, never an offset, so that rows which arrive
// meanwhile shift nothing. Every answer says as of when it is complete.
#pragma once

#include "storage/database.h"
#include "storage/report.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace checkout {

struct report_page {
    instant as_of{};                     ///< nothing recorded before it will appear later
    report_rows rows;                    ///< in order of the axis, then id
    std::vector<report_position> places; ///< of each row
};

struct feed_page {
    instant as_of{};
    std::int64_t last_no = 0; ///< the newest number given
    report_rows rows;
    std::int64_t last_read = 0; ///< of these rows; 0: none
};

/// Counts and sums of a day, or of the whole range; text as the database gives it.
struct total_line {
    std::optional<std::string> day; ///< nothing: of the range
    std::string entry;
    std::optional<std::string> currency;
    std::optional<std::string> original_currency;
    std::string state;
    std::optional<std::string> payment_status;
    std::int64_t count = 0;
    std::optional<std::string> amount;
    std::optional<std::string> original_amount;
    std::optional<std::string> refunded_amount;
};

struct summary {
    instant as_of{};
    std::vector<total_line> lines; ///< by day, then entry, currency and state; those of the range last
};

class report_store {
public:
    explicit report_store(database& db) : db_(db) {}

    /// At most `limit` rows after `after`; payments, sessions and refunds. Throws database_unavailable (so do
    /// all).
    boost::asio::awaitable<report_page> read_page(report_query query, std::optional<report_position> after,
                                                  int limit);
    /// Events by their numbers, after `after`.
    boost::asio::awaitable<feed_page> read_feed(std::int64_t after, int limit);
    /// One snapshot of everything that was recorded in the range.
    boost::asio::awaitable<summary> summarise(std::optional<instant> from, std::optional<instant> to);

private:
    database& db_;
};

} // namespace checkout
