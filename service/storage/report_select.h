// A report's statement, for the store and the cursor. For storage/*.cpp alone.
#pragma once

#include "storage/report_store.h"

#include <pqxx/pqxx>

#include <optional>
#include <string>

namespace checkout {

struct report_select {
    std::string text;
    pqxx::params values;
};

/// The columns of columns_of(), then the axis and the id as the position; ordered by both. `limit` 0: all.
report_select select_report(const report_query& query, const std::optional<report_position>& after,
                            int limit);

/// The first `columns` of each row, without a copy.
report_rows take_rows(pqxx::result found, std::size_t columns);

} // namespace checkout
