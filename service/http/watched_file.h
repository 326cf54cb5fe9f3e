// A small file that is read again when it changes, for secrets that are rotated under a running service.
// Blocks for one stat (and a read when something changed), at most once per interval; not thread-safe.
#pragma once

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace checkout {

/// A file's exact bytes. Fails when it is no regular file, cannot be read or is longer than `limit_bytes`.
boost::system::result<std::string> read_small_file(const std::string& path,
                                                   std::size_t limit_bytes = 1024 * 1024);

/// What tells one version of a file from the next without reading it. The time is the inode's (ctime): a file
/// that became readable has changed, too.
struct file_stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const file_stamp&) const = default;
};

class watched_file {
public:
    using clock = std::chrono::steady_clock;
    static constexpr clock::duration check_interval = std::chrono::seconds(1);

    explicit watched_file(std::string path) : path_(std::move(path)) {}

    /// The file's bytes, or why they cannot be had, once for every version of the file seen; nothing in
    /// between. The first call always answers.
    std::optional<boost::system::result<std::string>> poll(clock::time_point now);

    const std::string& path() const { return path_; }

private:
    std::string path_;
    std::optional<clock::time_point> checked_at_;
    std::optional<file_stamp> seen_; ///< nothing after a check that found no file
};

} // namespace checkout
