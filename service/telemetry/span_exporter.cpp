#include "telemetry/span_exporter.h"

#include "observe/log.h"
#include "observe/metrics.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace checkout {

namespace asio = boost::asio;
using clock = collector::clock;
using std::chrono::milliseconds;

namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr milliseconds first_pause{1'000};
constexpr milliseconds longest_pause{5'000};
constexpr int most_tries = 5;

bool is_retryable(const collector_answer& answer) {
    return answer.error || answer.status == 429 || answer.status == 502 || answer.status == 503
           || answer.status == 504;
}

/// Of a Retry-After in seconds; 0 when there is none, or a date.
milliseconds read_retry_after(const std::string& text) {
    constexpr std::int64_t most_seconds = 24 * 3600;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc() || end != text.data() + text.size())
        return milliseconds{0};
    return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, most_seconds));
}

std::string describe(const collector_answer& answer) {
    return answer.error ? answer.error.message() : "HTTP status " + std::to_string(answer.status);
}

} // namespace

std::optional<milliseconds> find_export_pause(const collector_answer& answer, int tries, milliseconds left,
                                              double jitter) {
    if (!is_retryable(answer) || tries >= most_tries)
        return std::nullopt;
    const auto backoff = std::min(longest_pause, first_pause * (1 << (tries - 1)));
    const auto varied = std::chrono::duration_cast<milliseconds>(backoff * (0.5 + jitter / 2));
    const auto pause = std::max(varied, read_retry_after(answer.retry_after));
    return pause < left ? std::optional(pause) : std::nullopt;
}

class span_exporter::impl {
public:
    explicit impl(exporter_options options)
        : options_(std::move(options)),
          to_(io_, options_.to),
          wake_(io_),
          pause_(io_) {
        asio::co_spawn(io_, run(), [](std::exception_ptr error) {
            if (error)
                std::rethrow_exception(error);
        });
        thread_ = std::thread([this] { run_thread(); });
    }

    void take(finished_span done) {
        bool is_batch = false;
        {
            const std::lock_guard lock(mutex_);
            if (closing_ || queue_.size() >= options_.queue_spans) {
                count_dropped(1);
                return;
            }
            queue_.push_back(std::move(done));
            is_batch = queue_.size() == options_.batch_spans;
        }
        if (is_batch)
            asio::post(io_, [this] { wake_.cancel(); });
    }

    void close(milliseconds patience) {
        if (!thread_.joinable())
            return;
        {
            const std::lock_guard lock(mutex_);
            closing_ = true;
        }
        asio::post(io_, [this] {
            wake_.cancel();
            pause_.cancel();
        });
        {
            std::unique_lock lock(mutex_);
            ended_.wait_for(lock, patience, [this] { return has_ended_; });
        }
        io_.stop();
        thread_.join();
        const std::lock_guard lock(mutex_);
        count_sent(0);
        count_dropped(queue_.size());
        queue_.clear();
        if (counts_.failed + counts_.dropped > 0)
            write_log(log_level::warning, "spans_lost",
                      {{"failed", counts_.failed}, {"dropped", counts_.dropped}});
    }

    span_counts counts() const {
        const std::lock_guard lock(mutex_);
        return counts_;
    }

private:
    /// Whatever is thrown there ends the export of spans, and nothing else.
    void run_thread() {
        try {
            io_.run();
        } catch (const std::exception& error) {
            write_log(log_level::error, "span_exporter_failed", {{"detail", error.what()}});
        }
        const std::lock_guard lock(mutex_);
        closing_ = has_ended_ = true;
        ended_.notify_all();
    }

    asio::awaitable<void> run() {
        while (true) {
            if (must_wait()) {
                wake_.expires_after(options_.delay);
                co_await wake_.async_wait(as_result);
            }
            auto batch = take_batch();
            if (batch.empty() && is_closing())
                co_return;
            if (!batch.empty())
                co_await send_or_lose(std::move(batch));
        }
    }

    /// No memory or no thread for this batch says nothing about the next one.
    asio::awaitable<void> send_or_lose(std::vector<finished_span> batch) {
        try {
            co_await send(std::move(batch));
        } catch (const std::exception& error) {
            {
                const std::lock_guard lock(mutex_);
                count_sent(0);
            }
            if (!std::exchange(is_failing_, true))
                write_log(log_level::warning, "spans_not_exported", {{"detail", error.what()}});
        }
    }

    bool is_closing() const {
        const std::lock_guard lock(mutex_);
        return closing_;
    }

    bool must_wait() const {
        const std::lock_guard lock(mutex_);
        return !closing_ && queue_.size() < options_.batch_spans;
    }

    std::vector<finished_span> take_batch() {
        const std::lock_guard lock(mutex_);
        const auto end =
            queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), options_.batch_spans));
        std::vector<finished_span> batch(std::make_move_iterator(queue_.begin()),
                                         std::make_move_iterator(end));
        queue_.erase(queue_.begin(), end);
        in_flight_ = batch.size();
        return batch;
    }

    asio::awaitable<void> send(std::vector<finished_span> batch) {
        const auto body = write_otlp(options_.resource, batch);
        const auto deadline = clock::now() + options_.timeout;
        for (int tries = 1;; ++tries) {
            const auto answer = co_await to_.post(body, deadline);
            const auto left = std::chrono::duration_cast<milliseconds>(deadline - clock::now());
            const auto jitter = std::uniform_real_distribution<>()(random_);
            const auto pause = find_export_pause(answer, tries, left, jitter);
            if (!pause || is_closing()) {
                note(answer);
                co_return;
            }
            pause_.expires_after(*pause);
            co_await pause_.async_wait(as_result);
        }
    }

    /// Counts the batch; says when exporting begins to fail, and when it works again, not each time.
    void note(const collector_answer& answer) {
        const bool taken = !answer.error && answer.status >= 200 && answer.status < 300;
        const auto rejected = taken ? static_cast<std::uint64_t>(read_rejected_spans(answer.body)) : 0;
        span_counts now;
        {
            const std::lock_guard lock(mutex_);
            count_sent(taken ? in_flight_ - std::min(rejected, in_flight_) : 0);
            now = counts_;
        }
        const bool failing = !taken || rejected > 0;
        if (failing == std::exchange(is_failing_, failing))
            return;
        if (failing)
            write_log(log_level::warning, "spans_not_exported",
                      {{"detail", taken ? "the collector rejected some" : describe(answer)}});
        else
            write_log(log_level::info, "spans_exported_again",
                      {{"failed", now.failed}, {"dropped", now.dropped}});
    }

    // With the mutex held.
    void count_dropped(std::uint64_t spans) {
        counts_.dropped += spans;
        metrics().spans.add({"dropped"}, static_cast<double>(spans));
    }
    /// The batch under way, of which the collector took so many.
    void count_sent(std::uint64_t taken) {
        const auto lost = std::exchange(in_flight_, 0) - taken;
        counts_.exported += taken;
        counts_.failed += lost;
        metrics().spans.add({"exported"}, static_cast<double>(taken));
        metrics().spans.add({"failed"}, static_cast<double>(lost));
    }

    const exporter_options options_;
    mutable std::mutex mutex_; ///< of what follows
    std::condition_variable ended_;
    std::deque<finished_span> queue_;
    std::uint64_t in_flight_ = 0; ///< spans of the batch that is being sent
    span_counts counts_;
    bool closing_ = false;
    bool has_ended_ = false;

    asio::io_context io_{1}; ///< of the thread, as all below
    collector to_;
    asio::steady_timer wake_;  ///< until a batch is whole or old enough
    asio::steady_timer pause_; ///< before another try
    std::mt19937 random_{std::random_device{}()};
    bool is_failing_ = false;
    std::thread thread_;
};

span_exporter::span_exporter(exporter_options options) : impl_(std::make_unique<impl>(std::move(options))) {}

span_exporter::~span_exporter() {
    close(milliseconds{0});
}

void span_exporter::take(finished_span done) noexcept {
    try {
        impl_->take(std::move(done));
    } catch (const std::exception& error) {
        write_log(log_level::error, "span_lost", {{"detail", error.what()}});
    }
}

void span_exporter::close(milliseconds patience) noexcept {
    try {
        impl_->close(patience);
    } catch (const std::exception& error) {
        write_log(log_level::error, "span_exporter_failed", {{"detail", error.what()}});
    }
}

span_counts span_exporter::counts() const {
    return impl_->counts();
}

} // namespace checkout
