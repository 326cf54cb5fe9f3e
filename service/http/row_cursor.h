// Cursors of reports: the last row of a page by its time and its own id, opaque to whoever carries them.
#pragma once

#include "storage/report.h"

#include <optional>
#include <string>
#include <string_view>

namespace checkout {

/// `kind` says of which list in which order, so that one list's cursor is refused by another.
std::string write_row_cursor(char kind, const report_position& place);
std::optional<report_position> read_row_cursor(char kind, std::string_view cursor);

} // namespace checkout
