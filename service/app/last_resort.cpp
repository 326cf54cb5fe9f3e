#include "app/last_resort.h"

#include "observe/log.h"

#include <algorithm>
#include <cstdlib>

namespace checkout {

namespace {

constexpr std::chrono::milliseconds last_words{200};

} // namespace

last_resort::~last_resort() {
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable())
        thread_.join();
}

void last_resort::end_by(clock::time_point then) {
    {
        const std::lock_guard lock(mutex_);
        then_ = std::min(then_, then);
    }
    changed_.notify_all();
    if (!thread_.joinable())
        thread_ = std::thread([this] { run(); });
}

void last_resort::run() {
    std::unique_lock lock(mutex_);
    while (!over_ && clock::now() < then_) {
        const auto until = then_;
        changed_.wait_until(lock, until);
    }
    if (over_)
        return;
    // Whoever reads the log may stand still, too.
    std::thread([] { write_log(log_level::warning, "exit_forced"); }).detach();
    std::this_thread::sleep_for(last_words);
    std::_Exit(status_);
}

} // namespace checkout
