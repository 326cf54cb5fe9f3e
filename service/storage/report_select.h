// A report's statement, for the store and the cursor. For storage/*.cpp alone.
#pragma once

#include "storage/report_store.h"

#include <pqxx/pqxx>

#include <cstdint>
#include <optional>
#include <string>

namespace checkout {

struct report_select {
    std::string text;
    pqxx::params values;
};

/// Numbers of the feed, both inclusive.
struct feed_range {
    std::int64_t first = 0;
    std::int64_t last = 0;
};

/// Between which numbers the events of the query's time lie; nothing for other reports, and when there are
/// none.
std::optional<feed_range> find_feed_range(pqxx::transaction_base& snapshot, const report_query& query);

/// The columns of columns_of(), then the axis and the id as the position; ordered by both. `limit` 0: all.
report_select select_report(const report_query& query, const std::optional<report_position>& after, int limit,
                            const std::optional<feed_range>& numbers = {});

/// A trailing comment that names who asks to whoever looks at the server, as sqlcommenter writes it; empty
/// when there is no trace. For statements that are not prepared alone: it is another text each time.
std::string trace_comment(const call_context& context);

/// The first `columns` of each row, without a copy.
report_rows take_rows(pqxx::result found, std::size_t columns);

} // namespace checkout
