#include "storage/answer_watch.h"

#include "observe/log.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pqxx/except>

namespace checkout {

duplicated_socket::duplicated_socket(int socket) : number_(::fcntl(socket, F_DUPFD_CLOEXEC, 0)) {
    if (number_ < 0)
        throw pqxx::broken_connection("no file descriptor is left for the connection's socket");
}

duplicated_socket::~duplicated_socket() {
    if (number_ >= 0)
        ::close(number_);
}

answer_watch::wait::wait(answer_watch& watch, const duplicated_socket& socket) : watch_(watch) {
    const std::lock_guard lock(watch_.mutex_);
    auto& list = watch_.awaited_;
    // Otherwise the thread wakes for one that began before, and comes to this one in time.
    if (watch_.idle_)
        watch_.changed_.notify_one();
    at_ = list.insert(list.end(), {socket.number(), std::chrono::steady_clock::now() + watch_.patience_});
}

answer_watch::wait::~wait() {
    const std::lock_guard lock(watch_.mutex_);
    (at_->overdue ? watch_.overdue_ : watch_.awaited_).erase(at_);
}

void answer_watch::wait::renew() {
    const std::lock_guard lock(watch_.mutex_);
    if (at_->overdue)
        return;
    at_->until = std::chrono::steady_clock::now() + watch_.patience_;
    watch_.awaited_.splice(watch_.awaited_.end(), watch_.awaited_, at_);
}

answer_watch::answer_watch(const connection_limits& limits)
    : patience_(limits.statement + limits.lock),
      thread_([this] { run(); }) {}

answer_watch::~answer_watch() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void answer_watch::hurry(std::chrono::milliseconds patience) {
    {
        const std::lock_guard lock(mutex_);
        patience_ = std::min(patience_, patience);
        const auto until = std::chrono::steady_clock::now() + patience_;
        for (auto& each : awaited_)
            each.until = std::min(each.until, until);
        hurried_ = true;
    }
    changed_.notify_one();
}

void answer_watch::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        hurried_ = false;
        give_up_overdue();
        idle_ = awaited_.empty();
        if (idle_) {
            changed_.wait(lock, [this] { return stopping_ || !awaited_.empty(); });
            continue;
        }
        const auto first = awaited_.front().until; // a copy: its owner may renew it meanwhile, or be gone
        changed_.wait_until(lock, first, [this] { return stopping_ || hurried_; });
    }
}

void answer_watch::give_up_overdue() {
    const auto now = std::chrono::steady_clock::now();
    while (!awaited_.empty() && awaited_.front().until <= now) {
        auto& first = awaited_.front();
        write_log(log_level::warning, "database_silent",
                  {{"waited_ms", static_cast<std::int64_t>(patience_.count())}});
        ::shutdown(first.socket, SHUT_RDWR);
        first.overdue = true;
        overdue_.splice(overdue_.end(), awaited_, awaited_.begin());
    }
}

} // namespace checkout
