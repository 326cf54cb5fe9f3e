// Ends the process when its time is over, whatever its threads wait for: a resolver, a server that is frozen,
// a disk. What was promised to anybody is in the database by then or was not promised.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace checkout {

class last_resort {
public:
    using clock = std::chrono::steady_clock;

    /// `status` is what the process ends with.
    explicit last_resort(int status) : status_(status) {}
    /// The end came by itself.
    ~last_resort();
    last_resort(const last_resort&) = delete;
    last_resort& operator=(const last_resort&) = delete;

    /// At `then`, or when an earlier call said so, the process ends. Call it on one thread.
    void end_by(clock::time_point then);

private:
    void run();

    const int status_;
    std::mutex mutex_;
    std::condition_variable changed_;
    clock::time_point then_ = clock::time_point::max();
    bool over_ = false;
    std::thread thread_;
};

} // namespace checkout
