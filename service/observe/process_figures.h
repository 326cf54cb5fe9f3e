// What the kernel says of this process, under the names that Prometheus's clients share (process_*).
#pragma once

#include <chrono>
#include <cstdint>

namespace checkout {

struct process_figures {
    std::uint64_t resident_bytes = 0;
    std::chrono::duration<double> cpu{0}; ///< user and system
    double started_at = 0;                ///< Unix time, seconds
    std::uint64_t open_files = 0;
    std::uint64_t max_files = 0; ///< the soft limit
    std::uint64_t threads = 0;
};

/// From /proc/self; a figure that cannot be read is 0.
process_figures read_process_figures();

} // namespace checkout
