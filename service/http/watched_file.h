// Small files that are read again when they change, for secrets that are rotated under a running service. A
// version is taken when nobody has written to it for a second, so that what an editor or a script has written
// half of is not; a directory of links that is swapped as a whole, as Kubernetes mounts a Secret, changes
// like any file. Blocks for a stat a file (and a read when something changed), at most once per interval; not
// thread-safe.
#pragma once

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

/// Tells when files that belong together have changed.
class file_watch {
public:
    using clock = std::chrono::steady_clock;
    using wall_clock = std::chrono::system_clock;
    static constexpr clock::duration check_interval = std::chrono::seconds(1);

    /// Looks at once: this is the version that is taken. Empty paths are no files.
    explicit file_watch(std::vector<std::string> paths);

    /// True once for every further version of the files: when one differs from those taken and either none
    /// was touched for an interval of `wall`, or all are as they were at the look before. Looks once an
    /// interval.
    bool has_changed(clock::time_point now, wall_clock::time_point wall = wall_clock::now());
    /// The files are still those that were taken; asked after reading them.
    bool is_current() const { return look() == taken_; }

private:
    using version = std::vector<std::optional<file_stamp>>; ///< nothing for a file that is not there

    version look() const;

    std::vector<std::string> paths_;
    version taken_;
    version seen_; ///< at the last look
    clock::time_point looked_at_;
};

class watched_file {
public:
    using clock = file_watch::clock;
    using wall_clock = file_watch::wall_clock;

    explicit watched_file(std::string path) : path_(std::move(path)), watch_({path_}) {}

    /// The file's bytes, or why they cannot be had. Call before the first poll.
    boost::system::result<std::string> read() const { return read_small_file(path_); }
    /// The same, once for every version that follows; nothing in between.
    std::optional<boost::system::result<std::string>> poll(clock::time_point now,
                                                           wall_clock::time_point wall = wall_clock::now());

private:
    std::string path_;
    file_watch watch_;
};

} // namespace checkout
