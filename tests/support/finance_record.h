// A record for finance to read, made by plain SQL: orders with sessions, payments and refunds in several
// currencies and states, with ties in every time and nulls in every column that may be null.
#pragma once

#include "storage/report.h"
#include "support/test_database.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace checkout::test {

/// Orders "ORD-<from>" to "ORD-<to>": each has a session, three of four a payment, one of four a refund, in
/// the evening of 2026-11-20 and after midnight (UTC), seven at a time. Fields depend on the number alone.
void record_finance(sql_connection& superuser, int from, int to);

/// All rows of the report.
report_query query_of(report_name report);
/// A cell by its column's name, "null" where it is null.
std::string cell_of(report_name report, const report_rows& rows, std::size_t row, std::string_view column);
/// The row as "name=value" lines.
std::string whole_row(report_name report, const report_rows& rows, std::size_t row);

} // namespace checkout::test
