#include "finance/export_desk.h"

#include "finance/report_text.h"
#include "storage/database.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <utility>

namespace checkout {

namespace asio = boost::asio;

namespace {

constexpr std::size_t pieces_ahead = 2; ///< that wait for the reader
constexpr std::chrono::milliseconds cut_interval{20};

std::exception_ptr broken_off() {
    return std::make_exception_ptr(database_unavailable("the export was broken off"));
}

} // namespace

/// Between an export's thread and its reader.
class export_job::pipe : public std::enable_shared_from_this<pipe> {
public:
    explicit pipe(const asio::any_io_executor& executor) : timer_(executor) {
        timer_.expires_at(asio::steady_timer::time_point::max());
    }

    // The thread's side.

    /// `source` lives until finish().
    void open(report_cursor& source) {
        const std::lock_guard lock(mutex_);
        as_of_ = source.as_of();
        source_ = &source;
        wake_reader();
    }
    /// False when nobody reads any more.
    bool give(std::string piece) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [this] { return closed_ || pieces_.size() < pieces_ahead; });
        if (closed_)
            return false;
        pieces_.push_back(std::move(piece));
        wake_reader();
        return true;
    }
    void finish(std::exception_ptr error, const report_totals& totals) {
        const std::lock_guard lock(mutex_);
        source_ = nullptr;
        done_ = true;
        if (closed_ && !error)
            error = broken_off();
        if (!error_)
            error_ = std::move(error);
        rows_ = totals.rows();
        totals_ = totals.to_json();
        wake_reader();
    }
    bool closed() {
        const std::lock_guard lock(mutex_);
        return closed_;
    }

    // The reader's side.

    asio::awaitable<instant> opened() {
        while (true) {
            if (auto found = look_opened())
                co_return *found;
            co_await pause();
        }
    }
    asio::awaitable<std::optional<std::string>> take() {
        while (true) {
            if (auto found = look())
                co_return std::move(*found);
            co_await pause();
        }
    }
    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        if (!pieces_.empty() && !error_)
            error_ = broken_off();
        pieces_.clear();
        room_.notify_all();
    }
    /// close(), and ends the database's statement, too. Blocks.
    void cut() {
        close();
        const std::lock_guard lock(mutex_);
        if (source_ != nullptr)
            source_->cancel();
    }
    std::int64_t rows() const { return rows_; }
    const std::string& totals() const { return totals_; }

private:
    /// The reader looks and begins to wait without a break on its thread, so a call posted to that thread
    /// finds it waiting.
    void wake_reader() {
        asio::post(timer_.get_executor(), [self = shared_from_this()] { self->timer_.cancel(); });
    }
    asio::awaitable<void> pause() {
        boost::system::error_code woken;
        co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    std::optional<instant> look_opened() {
        const std::lock_guard lock(mutex_);
        if (!as_of_ && error_)
            std::rethrow_exception(error_);
        return as_of_;
    }
    /// Nothing: not yet. A piece of nothing: the end.
    std::optional<std::optional<std::string>> look() {
        const std::lock_guard lock(mutex_);
        if (!pieces_.empty()) {
            std::optional<std::string> first(std::move(pieces_.front()));
            pieces_.pop_front();
            room_.notify_all();
            return first;
        }
        if (!done_)
            return std::nullopt;
        if (error_)
            std::rethrow_exception(error_);
        return std::optional<std::string>();
    }

    asio::steady_timer timer_; ///< the reader's
    std::mutex mutex_;
    std::condition_variable room_;
    std::deque<std::string> pieces_;
    std::optional<instant> as_of_;
    report_cursor* source_ = nullptr;
    bool closed_ = false;
    bool done_ = false;
    std::exception_ptr error_;
    std::int64_t rows_ = 0;
    std::string totals_;
};

namespace {

void run_export(const std::string& url, const report_query& query, row_format format, export_job::pipe& to) {
    std::exception_ptr error;
    try {
        report_cursor source(url, query);
        report_text text(source, query.report, format);
        to.open(source);
        try {
            for (bool wanted = !to.closed(); wanted;) {
                auto piece = text.next();
                wanted = piece && to.give(std::move(*piece));
            }
        } catch (...) {
            error = std::current_exception();
        }
        to.finish(error, text.totals()); // before the source goes
        return;
    } catch (...) {
        error = std::current_exception();
    }
    to.finish(error, report_totals({}));
}

} // namespace

/// A place for one export.
struct export_desk::place {
    std::shared_ptr<export_job::pipe> pipe;
    std::atomic<bool> ended = false;
    std::thread thread;

    /// Again and again: a statement that has not begun yet cannot be ended.
    ~place() {
        if (!thread.joinable())
            return;
        for (; !ended.load(); std::this_thread::sleep_for(cut_interval))
            pipe->cut();
        thread.join();
    }
};

export_job::export_job(std::shared_ptr<pipe> with) : pipe_(std::move(with)) {}

export_job::~export_job() {
    pipe_->close();
}

asio::awaitable<instant> export_job::open() {
    return pipe_->opened();
}

asio::awaitable<std::optional<std::string>> export_job::next() {
    return pipe_->take();
}

std::int64_t export_job::rows() const {
    return pipe_->rows();
}

const std::string& export_job::totals() const {
    return pipe_->totals();
}

export_desk::export_desk(asio::any_io_executor executor, std::string url)
    : executor_(std::move(executor)),
      url_(std::move(url)) {}

export_desk::~export_desk() = default;

std::unique_ptr<export_job> export_desk::start(report_query query, row_format format) {
    const auto free = std::ranges::find_if(places_, [](const std::unique_ptr<place>& each) {
        return !each || !each->thread.joinable() || each->ended.load();
    });
    if (free == places_.end())
        return nullptr;
    *free = std::make_unique<place>();
    auto& taken = **free;
    taken.pipe = std::make_shared<export_job::pipe>(executor_);
    taken.thread = std::thread([this, &taken, query = std::move(query), format] {
        run_export(url_, query, format, *taken.pipe);
        taken.ended = true;
    });
    return std::make_unique<export_job>(taken.pipe);
}

} // namespace checkout
