#include "storage/attempt_listener.h"

#include "observe/log.h"
#include "storage/answer_watch.h"

#include <pqxx/pqxx>

#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace checkout {

namespace {

using namespace std::chrono_literals;

constexpr auto channel = "clink_checkout_attempts"; ///< as attempt_store.cpp notifies it
constexpr long look_up_micros = 500'000;            ///< whether the thread is to end
constexpr auto reconnect_pause = 2s;

order_key read_payload(std::string_view payload) {
    std::int64_t key = 0;
    std::from_chars(payload.data(), payload.data() + payload.size(), key);
    return order_key{key};
}

} // namespace

class attempt_listener::impl {
public:
    impl(const std::string& url, const connection_limits& limits, std::function<void(order_key)> on_end)
        : conninfo_(complete_conninfo(url, limits)),
          on_end_(std::move(on_end)),
          watch_(limits),
          thread_([this] { run(); }) {}

    ~impl() {
        {
            const std::lock_guard lock(mutex_);
            ending_ = true;
        }
        ended_.notify_all();
        thread_.join();
    }

private:
    void run() {
        while (!ending_) {
            try {
                listen();
            } catch (const std::exception&) {
                // libpq's text may quote the connection string.
                write_log(log_level::warning, "attempt_listener_lost");
            }
            std::unique_lock lock(mutex_);
            ended_.wait_for(lock, reconnect_pause, [this] { return ending_.load(); });
        }
    }

    void listen() {
        pqxx::connection link(conninfo_);
        {
            const duplicated_socket socket(link.sock());
            const answer_watch::wait answer(watch_, socket);
            link.listen(channel,
                        [this](const pqxx::notification& said) { on_end_(read_payload(said.payload)); });
        }
        on_end_(order_key{});
        while (!ending_)
            link.await_notification(0, look_up_micros);
    }

    const std::string conninfo_;
    const std::function<void(order_key)> on_end_;
    answer_watch watch_;
    std::atomic<bool> ending_{false};
    std::mutex mutex_;
    std::condition_variable ended_;
    std::thread thread_; ///< last: it uses everything above
};

attempt_listener::attempt_listener(std::string url, const connection_limits& limits,
                                   std::function<void(order_key)> on_end)
    : impl_(std::make_unique<impl>(url, limits, std::move(on_end))) {}

attempt_listener::~attempt_listener() = default;

} // namespace checkout
