// Report rows as CSV (RFC 4180, UTF-8) and as JSON objects, the one made from the same columns as the other,
// and their totals.
#pragma once

#include "domain/decimal.h"
#include "storage/report.h"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

enum class row_format { csv, ndjson };

using report_row = std::span<const report_rows::cell>;

/// The names of the columns; with CR LF, as every row has it.
void append_csv_header(std::string& out, std::span<const report_column> columns);
/// A null is an empty field, an empty text a quoted one.
void append_csv_row(std::string& out, std::span<const report_column> columns, report_row row);
/// A JSON object, without a line end.
void append_json_row(std::string& out, std::span<const report_column> columns, report_row row);

/// The rows in that format, each with its line end.
void append_rows(std::string& out, std::span<const report_column> columns, const report_rows& rows,
                 row_format format);

/// A numeric of the database's as an amount: with the currency's digits, more where the value has them.
std::string format_database_amount(std::string_view number, std::string_view currency);

/// Counts rows, and sums each totalled column by currency.
class report_totals {
public:
    explicit report_totals(std::span<const report_column> columns) : columns_(columns) {}

    /// Throws std::overflow_error when a sum does not fit.
    void add(report_row row);
    std::int64_t rows() const { return rows_; }
    /// {"amountTotal":{"USD":"12.00"},…}; fit for a header: what is no letter or digit of a currency is
    /// percent-encoded.
    std::string to_json() const;

private:
    std::span<const report_column> columns_;
    std::int64_t rows_ = 0;
    std::map<std::pair<std::size_t, std::string>, decimal_sum, std::less<>> sums_; ///< by column and currency
};

} // namespace checkout
