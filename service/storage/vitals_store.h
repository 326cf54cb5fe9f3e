// How the record is doing as a whole, in a handful of numbers for the metrics: what is under way, overdue,
// exposed or open. Reads only what has not come to its end, through partial indexes: ended orders, however
// many, cost nothing.
#pragma once

#include "domain/instant.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace checkout {

struct record_vitals {
    std::int64_t creating = 0;
    std::int64_t open = 0; ///< released, not superseded, not ended
    std::int64_t processing =
        0; ///< of the released that have not ended, those that Clink says are being paid
    std::int64_t superseded = 0; ///< and still watched, because Clink has not said that they ended
    std::int64_t dark = 0;       ///< and still looked for
    std::chrono::duration<double> oldest_unsettled{0}; ///< since its release; 0: none
    std::int64_t overdue = 0;                          ///< an hour past their expiry, and Clink silent since
    std::int64_t exposed_orders = 0;                   ///< with more than one page that can be paid
    std::chrono::duration<double> sweeper_lag{0};      ///< the most overdue question; 0: none is due
    std::int64_t due = 0;                              ///< questions to Clink
    std::int64_t webhooks_pending = 0;
    std::map<std::string, std::int64_t> open_discrepancies; ///< by kind; every kind
    std::chrono::duration<double> feed_lag{0};
    std::int64_t feed_pending = 0;
};

class vitals_store {
public:
    static constexpr int most_counted = 10'000; ///< of what may pile up without end

    explicit vitals_store(database& db) : db_(db) {}

    /// Throws database_unavailable.
    boost::asio::awaitable<record_vitals> read();
    /// What finance's answers from this database are complete to: behind on a standby that lags. Throws
    /// database_unavailable.
    boost::asio::awaitable<instant> read_as_of();

private:
    database& db_;
};

} // namespace checkout
