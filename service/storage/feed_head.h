// How far the record is complete, as finance's answers say it. For storage/*.cpp alone.
#pragma once

#include "domain/instant.h"
#include "storage/session.h"

#include <cstdint>

namespace checkout {

struct feed_head {
    instant complete_to{};    ///< whoever sees it sees everything that was recorded before it
    std::int64_t last_no = 0; ///< the newest number given
};

/// To be read before, or in one snapshot with, what it is said of.
feed_head read_feed_head(db_session& session);
feed_head read_feed_head(pqxx::transaction_base& snapshot);

} // namespace checkout
