// Reads the feed for those who may wait for more of it, also from a standby that is behind. Used on the I/O
// thread only.
#pragma once

#include "finance/feed_sequencer.h"
#include "storage/report_store.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>

namespace checkout {

class feed_reader {
public:
    feed_reader(report_store& reports, feed_sequencer& sequencer)
        : reports_(reports),
          sequencer_(sequencer) {}

    /// At most `limit` events after `after`; while there are none, waits for one as long as `patience`.
    /// Throws database_unavailable.
    boost::asio::awaitable<feed_page> read(std::int64_t after, int limit, std::chrono::seconds patience);

private:
    report_store& reports_;
    feed_sequencer& sequencer_;
};

} // namespace checkout
