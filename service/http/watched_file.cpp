#include "http/watched_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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

std::optional<boost::system::result<std::string>> watched_file::poll(clock::time_point now) {
    if (checked_at_ && now - *checked_at_ < check_interval)
        return std::nullopt;
    const bool first = !checked_at_;
    checked_at_ = now;
    // Taken before the file is read: a version that comes in between is then read twice, never missed.
    const auto stamp = find_stamp(path_);
    if (!first && stamp == seen_)
        return std::nullopt;
    seen_ = stamp;
    return read_small_file(path_);
}

} // namespace checkout
