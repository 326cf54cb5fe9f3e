// Reads the feed for those who may wait for more of it, also from a standby that is behind. Used on the I/O
// thread only.
#pragma once

#include "finance/feed_sequencer.h"
#include "storage/report_store.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace checkout {

class feed_reader {
public:
    /// `most_waiting`: readers at the same time.
    feed_reader(report_store& reports, feed_sequencer& sequencer, std::size_t most_waiting)
        : reports_(reports),
          sequencer_(sequencer),
          most_waiting_(most_waiting) {}

    /// At most `limit` events after `after`; while there are none, waits for one as long as `patience`.
    /// Throws database_unavailable.
    boost::asio::awaitable<feed_page> read(std::int64_t after, int limit, std::chrono::seconds patience);
    /// No further reader may wait.
    bool is_full() const { return waiting_ >= most_waiting_; }

private:
    void set_waiting(std::size_t readers);

    report_store& reports_;
    feed_sequencer& sequencer_;
    const std::size_t most_waiting_;
    std::size_t waiting_ = 0;
};

} // namespace checkout
