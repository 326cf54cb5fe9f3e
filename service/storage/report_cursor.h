// A whole report in one snapshot, in batches, on a connection of its own. Blocks: for a thread of its own.
#pragma once

#include "storage/conninfo.h"
#include "storage/report.h"

#include <memory>
#include <string>

namespace checkout {
class report_cursor {
public:
    /// Throws database_unavailable (so does next) and opens nothing when the database is away.
    report_cursor(const std::string& url, const report_query& query);
    ~report_cursor();
    report_cursor(const report_cursor&) = delete;
    report_cursor& operator=(const report_cursor&) = delete;

    instant as_of() const;
    /// The next rows; none at the end.
    report_rows next();
    /// From any thread: ends the statement under way, whose caller then sees database_unavailable.
    void cancel() noexcept;

private:
    class impl;
    const call_context context_;
    std::unique_ptr<impl> impl_;
};

} // namespace checkout
