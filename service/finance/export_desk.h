// Exports under way: each a thread with a database connection of its own that reads a whole report in one
// snapshot and formats it, and stops while its reader is slow, so that memory does not grow with the range.
#pragma once

#include "finance/row_format.h"
#include "storage/report_cursor.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace checkout {

/// One export, as its reader sees it; on the I/O thread. When the reader lets go of it, it ends.
class export_job {
public:
    class pipe;
    explicit export_job(std::shared_ptr<pipe> with);
    ~export_job();
    export_job(const export_job&) = delete;
    export_job& operator=(const export_job&) = delete;

    /// Completes when the report is being read. Throws database_unavailable (so does next).
    boost::asio::awaitable<instant> open();
    /// The next piece of the text; nothing at the end.
    boost::asio::awaitable<std::optional<std::string>> next();
    /// Of all that next() gave; at the end.
    std::int64_t rows() const;
    const std::string& totals() const;

private:
    std::shared_ptr<pipe> pipe_;
};

class export_desk {
public:
    static constexpr std::size_t exports_at_once = 4;

    /// `url` is a secret.
    export_desk(boost::asio::any_io_executor executor, std::string url);
    /// Ends every export, and waits for their threads.
    ~export_desk();

    /// Nothing when as many as may be are under way.
    std::unique_ptr<export_job> start(report_query query, row_format format);

private:
    struct place;

    boost::asio::any_io_executor executor_;
    const std::string url_;
    std::array<std::unique_ptr<place>, exports_at_once> places_;
};

} // namespace checkout
