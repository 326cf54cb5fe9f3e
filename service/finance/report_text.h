// A whole report as text, piece by piece as it is read, and what it adds up to. Blocks as its cursor does.
#pragma once

#include "finance/row_format.h"
#include "storage/report_cursor.h"

#include <optional>
#include <string>

namespace checkout {

class report_text {
public:
    report_text(report_cursor& source, report_name report, row_format format)
        : source_(source),
          columns_(columns_of(report)),
          format_(format),
          totals_(columns_) {}

    /// The next piece, which is not empty; nothing at the end. Throws what the cursor throws, and
    /// std::overflow_error when a total does not fit.
    std::optional<std::string> next();
    /// Of all pieces so far.
    const report_totals& totals() const { return totals_; }

private:
    report_cursor& source_;
    std::span<const report_column> columns_;
    const row_format format_;
    report_totals totals_;
    bool begun_ = false;
};

} // namespace checkout
