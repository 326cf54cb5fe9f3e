// Finance's reports as data: each is a view of schema `reconciliation` with its columns in the order of the
// CSV. What is asked for, and rows as they come from the database, before any format.
#pragma once

#include "domain/instant.h"
#include "observe/call_context.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

enum class report_name { payments, sessions, refunds, events };

enum class column_kind {
    text,
    number, ///< a whole number
    amount, ///< decimal, in the currency of another column
    time,   ///< shown to the millisecond
    micros, ///< a time shown to the microsecond
    json    ///< an object
};

struct report_column {
    std::string_view name; ///< of the JSON member and in the CSV's header
    column_kind kind = column_kind::text;
    int currency = -1; ///< of an amount: its currency's column
    bool totalled = false;
};

/// In the order of the CSV: free text last.
std::span<const report_column> columns_of(report_name report);
std::string_view to_string(report_name report);
std::optional<report_name> find_report(std::string_view name);

enum class report_axis { recorded, payment_time };

/// The last row of the page before, on the query's axis.
struct report_position {
    instant at{};
    std::string id; ///< the row's own id: digits, or a UUID
};

/// Which rows. What a report has no column for is not set: events have a range alone.
struct report_query {
    report_name report = report_name::payments;
    report_axis axis = report_axis::recorded; ///< of payments; the others have one
    std::optional<instant> from;              ///< inclusive
    std::optional<instant> to;                ///< exclusive
    std::optional<std::string> currency;      ///< asked for; of a refund its own
    std::optional<std::string> state;         ///< a session's or refund's status, a payment's verdict
    std::optional<std::string> payment_status;
    call_context context; ///< who asks
};

/// Rows as the database's text; a cell is nothing where it is null.
class report_rows {
public:
    using cell = std::optional<std::string_view>;

    report_rows() = default;
    /// `cells`, row by row, point into what `owner` keeps.
    report_rows(std::size_t columns, std::vector<cell> cells, std::shared_ptr<const void> owner);

    std::size_t size() const { return columns_ == 0 ? 0 : cells_.size() / columns_; }
    std::span<const cell> row(std::size_t index) const {
        return std::span(cells_).subspan(index * columns_, columns_);
    }

private:
    std::size_t columns_ = 0;
    std::vector<cell> cells_;
    std::shared_ptr<const void> owner_;
};

} // namespace checkout
