#include "http/watched_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace checkout {

namespace {

using boost::system::error_code;

error_code last_error() {
    return {errno, boost::system::system_category()};
}

/// A file descriptor that is closed with its scope.
class open_file {
public:
    explicit open_file(const std::string& path)
        : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    ~open_file() {
        if (descriptor_ >= 0)
            ::close(descriptor_);
    }
    int get() const { return descriptor_; }

private:
    int descriptor_;
};

std::optional<file_stamp> find_stamp(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0)
        return std::nullopt;
    return file_stamp{info.st_dev, info.st_ino, info.st_size,
                      std::int64_t{info.st_ctim.tv_sec} * 1'000'000'000 + info.st_ctim.tv_nsec};
}

bool is_older(const file_stamp& stamp, std::chrono::system_clock::time_point instant) {
    return std::chrono::nanoseconds(stamp.changed_ns) < instant.time_since_epoch();
}

boost::system::result<std::string> read_all(int descriptor, std::size_t limit_bytes) {
    std::string bytes(limit_bytes + 1, '\0');
    std::size_t size = 0;
    while (size < bytes.size()) {
        const auto count = ::read(descriptor, bytes.data() + size, bytes.size() - size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return last_error();
        if (count == 0)
            break;
        size += static_cast<std::size_t>(count);
    }
    if (size > limit_bytes)
        return error_code(EFBIG, boost::system::generic_category());
    bytes.resize(size);
    return bytes;
}

} // namespace

boost::system::result<std::string> read_small_file(const std::string& path, std::size_t limit_bytes) {
    const open_file file(path);
    if (file.get() < 0)
        return last_error();
    struct stat info {};
    if (::fstat(file.get(), &info) != 0)
        return last_error();
    if (!S_ISREG(info.st_mode))
        return error_code(S_ISDIR(info.st_mode) ? EISDIR : EINVAL, boost::system::generic_category());
    return read_all(file.get(), limit_bytes);
}

file_watch::file_watch(std::vector<std::string> paths) : paths_(std::move(paths)), looked_at_(clock::now()) {
    std::erase(paths_, "");
    taken_ = seen_ = look();
}

file_watch::version file_watch::look() const {
    version found;
    for (const auto& path : paths_)
        found.push_back(find_stamp(path));
    return found;
}

bool file_watch::has_changed(clock::time_point now, wall_clock::time_point wall) {
    if (now - looked_at_ < check_interval)
        return false;
    looked_at_ = now;
    auto found = look();
    const bool at_rest = found == seen_ || std::ranges::all_of(found, [&](const auto& stamp) {
                             return stamp && is_older(*stamp, wall - check_interval);
                         });
    seen_ = std::move(found);
    if (seen_ == taken_ || !at_rest)
        return false;
    taken_ = seen_;
    return true;
}

std::optional<boost::system::result<std::string>> watched_file::poll(clock::time_point now,
                                                                     wall_clock::time_point wall) {
    if (!watch_.has_changed(now, wall))
        return std::nullopt;
    auto bytes = read();
    // Written to while it was read: another version, for which there will be another look.
    return watch_.is_current() ? std::optional(std::move(bytes)) : std::nullopt;
}

} // namespace checkout
