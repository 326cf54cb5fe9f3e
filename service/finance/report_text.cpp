#include "finance/report_text.h"

#include <utility>

namespace checkout {

std::optional<std::string> report_text::next() {
    std::string piece;
    if (!std::exchange(begun_, true) && format_ == row_format::csv)
        append_csv_header(piece, columns_);
    const auto rows = source_.next();
    append_rows(piece, columns_, rows, format_);
    for (std::size_t i = 0; i < rows.size(); ++i)
        totals_.add(rows.row(i));
    return piece.empty() ? std::nullopt : std::optional(std::move(piece));
}

} // namespace checkout
