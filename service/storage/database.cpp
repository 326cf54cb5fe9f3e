#include "storage/database.h"

#include "observe/log.h"
#include "observe/metrics.h"
#include "storage/answer_watch.h"
#include "storage/session.h"

#include <poll.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace checkout {

namespace {

constexpr int tries_on_conflict = 3;
constexpr std::chrono::milliseconds look_interval{250}; ///< for what has waited too long
constexpr std::chrono::milliseconds goodbye{1000};      ///< for answers that nobody waits for any more
constexpr const char* waited_too_long = "the operation waited too long for a connection";
constexpr double newest_weight = 0.05; ///< of the newest operation's time in the typical one
constexpr std::chrono::duration<double> shortest_time{0.0001}; ///< that is told from none

/// What a failure of the database means to the caller. The one place that looks at SQLSTATE.
enum class failure_kind { conflict, unavailable, broken, bug };

failure_kind classify(const std::exception& error) {
    if (dynamic_cast<const pqxx::broken_connection*>(&error) != nullptr
        || dynamic_cast<const pqxx::in_doubt_error*>(&error) != nullptr)
        return failure_kind::broken;
    const auto* sql = dynamic_cast<const pqxx::sql_error*>(&error);
    if (sql == nullptr)
        return failure_kind::bug;
    const std::string_view state = sql->sqlstate();
    if (state == "40001" || state == "40P01")
        return failure_kind::conflict;
    for (std::string_view prefix : {"08", "53", "57", "58", "25006", "55P03", "25P03"})
        if (state.starts_with(prefix))
            return failure_kind::unavailable;
    return failure_kind::bug;
}

/// Its name in the metrics.
std::string_view reason_of(failure_kind kind, operation_mode mode) {
    switch (kind) {
    case failure_kind::conflict:
        return "conflict";
    case failure_kind::unavailable:
        return "unavailable";
    case failure_kind::broken:
        return mode == operation_mode::read ? "unavailable" : "in_doubt";
    case failure_kind::bug:
        break;
    }
    return "failed";
}

/// Closes a connection whose server went away while it was idle, before anything is sent on it.
bool is_stale(const pqxx::connection& connection) {
    pollfd descriptor{.fd = connection.sock(), .events = POLLIN, .revents = 0};
    return ::poll(&descriptor, 1, 0) != 0;
}

} // namespace

class database::impl {
public:
    explicit impl(database_options options)
        : options_(std::move(options)),
          conninfo_(complete_conninfo(options_.url, options_.limits)),
          watch_(options_.limits) {
        metrics().database_queue.set({options_.pool}, 0);
        metrics().database_connections.set({options_.pool}, 0);
        metrics().database_busy.set({options_.pool}, 0);
        for (std::size_t i = 0; i < options_.connections; ++i)
            threads_.emplace_back([this] { serve(); });
        threads_.emplace_back([this] { refuse_overdue(); });
    }

    ~impl() {
        std::deque<waiting_operation> abandoned;
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
            abandoned.swap(queue_);
        }
        changed_.notify_all();
        stopped_.notify_all();
        watch_.hurry(goodbye);
        for (auto& waiting : abandoned)
            waiting.op.complete(std::make_exception_ptr(database_unavailable("the service is stopping")));
        for (auto& thread : threads_)
            thread.join();
    }

    void submit(operation op) {
        {
            const std::lock_guard lock(mutex_);
            if (!stopping_ && queue_.size() < options_.queue_length) {
                queue_.push_back({std::move(op), clock::now()});
                metrics().database_queue.add({options_.pool}, 1);
                changed_.notify_one();
                return;
            }
        }
        count_failure(op, "queue_full");
        op.complete(std::make_exception_ptr(database_unavailable("the database queue is full")));
    }

    /// By the time that an operation typically takes, or, should none end, by the time that the first one
    /// waits already.
    std::chrono::milliseconds expected_wait() const {
        const std::lock_guard lock(mutex_);
        if (queue_.empty())
            return {};
        const auto turns = static_cast<double>(queue_.size()) / static_cast<double>(options_.connections);
        const seconds behind(typical_time_ ? std::exp(*typical_time_) * turns : 0);
        return std::chrono::duration_cast<std::chrono::milliseconds>(
            std::max<seconds>(behind, clock::now() - queue_.front().since));
    }

private:
    using clock = std::chrono::steady_clock;
    using seconds = std::chrono::duration<double>;

    struct waiting_operation {
        operation op;
        clock::time_point since;
    };

    /// A thread's own connection and what is prepared on it.
    struct own_connection {
        std::unique_ptr<pqxx::connection> link;
        std::optional<duplicated_socket> socket;
        std::set<std::string_view> prepared;
    };

    void drop(own_connection& mine) {
        if (mine.link)
            metrics().database_connections.add({options_.pool}, -1);
        mine.link.reset();
        mine.socket.reset();
        mine.prepared.clear();
    }

    void count_failure(const operation& op, std::string_view reason) const {
        metrics().database_failures.add({options_.pool, op.name, reason});
    }

    void serve() {
        own_connection mine;
        while (auto waiting = next()) {
            const auto begun = clock::now();
            std::exception_ptr error;
            metrics().database_busy.add({options_.pool}, 1);
            try {
                begin(*waiting);
                perform(mine, waiting->op);
                note_time(clock::now() - begun);
            } catch (...) {
                error = std::current_exception();
            }
            metrics().database_busy.add({options_.pool}, -1);
            waiting->op.complete(error);
        }
        drop(mine);
    }

    void begin(const waiting_operation& waiting) const {
        const auto waited = clock::now() - waiting.since;
        metrics().database_wait.observe({options_.pool}, waited);
        if (waited <= options_.queue_time)
            return;
        count_failure(waiting.op, "queue_timeout");
        throw database_unavailable(waited_too_long);
    }

    /// In logarithms: operations that a pause of the server held up all end at once, and say nothing of those
    /// that come after it.
    void note_time(seconds taken) {
        const std::lock_guard lock(mutex_);
        const double newest = std::log(std::max(taken, shortest_time).count());
        const double before = typical_time_.value_or(newest);
        typical_time_ = before + newest_weight * (newest - before);
    }

    /// A thread of its own, because nobody else looks while all of them wait for a server that does not
    /// answer.
    void refuse_overdue() {
        std::unique_lock lock(mutex_);
        while (!stopped_.wait_for(lock, look_interval, [this] { return stopping_; })) {
            const auto oldest = clock::now() - options_.queue_time;
            std::vector<operation> overdue;
            for (; !queue_.empty() && queue_.front().since < oldest; queue_.pop_front()) {
                overdue.push_back(std::move(queue_.front().op));
                metrics().database_queue.add({options_.pool}, -1);
            }
            lock.unlock();
            for (auto& op : overdue) {
                count_failure(op, "queue_timeout");
                op.complete(std::make_exception_ptr(database_unavailable(waited_too_long)));
            }
            lock.lock();
        }
    }

    std::optional<waiting_operation> next() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        if (queue_.empty())
            return std::nullopt;
        auto first = std::move(queue_.front());
        queue_.pop_front();
        metrics().database_queue.add({options_.pool}, -1);
        return first;
    }

    void perform(own_connection& mine, operation& op) {
        const auto begun = clock::now();
        for (int attempt = 1;; ++attempt) {
            connect(mine, op);
            try {
                execute(mine, op);
                metrics().database_operations.observe({options_.pool, op.name}, clock::now() - begun);
                return;
            } catch (const std::exception& error) {
                if (!try_again(mine, op, error, attempt))
                    throw;
            }
        }
    }

    bool is_stopping() {
        const std::lock_guard lock(mutex_);
        return stopping_;
    }

    /// True: repeat the operation. Throws what the caller shall see instead of `error`; false: `error`
    /// itself.
    bool try_again(own_connection& mine, const operation& op, const std::exception& error, int attempt) {
        const auto kind = classify(error);
        count_failure(op, reason_of(kind, op.mode));
        if (kind != failure_kind::bug)
            write_log(kind == failure_kind::conflict ? log_level::debug : log_level::warning,
                      "database_operation_failed",
                      {{"operation", op.name}, {"attempt", attempt}, {"detail", error.what()}});
        switch (kind) {
        case failure_kind::conflict:
            if (attempt < tries_on_conflict)
                return true;
            throw database_unavailable("conflicting operations did not settle");
        case failure_kind::unavailable:
            // A server that became a standby, or is going down, is looked for anew.
            drop(mine);
            throw database_unavailable("the database refused the operation for now");
        case failure_kind::broken:
            drop(mine);
            if (op.mode != operation_mode::read)
                throw write_in_doubt("the connection broke while a change was under way");
            if (attempt < 2 && !is_stopping())
                return true;
            throw database_unavailable("the database connection broke");
        case failure_kind::bug:
            if (!mine.link->is_open())
                drop(mine);
            return false;
        }
        return false;
    }

    void execute(own_connection& mine, operation& op) {
        answer_watch::wait answer(watch_, *mine.socket);
        switch (op.mode) {
        case operation_mode::read:
        case operation_mode::statement: {
            pqxx::nontransaction transaction(*mine.link);
            db_session session(*mine.link, transaction, mine.prepared, answer);
            op.work(session);
            return;
        }
        case operation_mode::transaction: {
            pqxx::work transaction(*mine.link);
            db_session session(*mine.link, transaction, mine.prepared, answer);
            op.work(session);
            answer.renew();
            transaction.commit();
            return;
        }
        }
    }

    void connect(own_connection& mine, const operation& op) {
        if (mine.link && (!mine.link->is_open() || is_stale(*mine.link)))
            drop(mine);
        if (mine.link)
            return;
        try {
            auto link = std::make_unique<pqxx::connection>(conninfo_);
            // A message's DETAIL quotes rows, and a row may hold a page token.
            link->set_verbosity(pqxx::error_verbosity::terse);
            link->set_notice_handler([](pqxx::zview) noexcept {});
            duplicated_socket socket(link->sock());
            {
                const answer_watch::wait answer(watch_, socket);
                pqxx::nontransaction(*link).exec(limit_statement(options_.limits));
            }
            mine.link = std::move(link);
            mine.socket.emplace(std::move(socket));
            metrics().database_connections.add({options_.pool}, 1);
        } catch (const pqxx::failure& error) {
            write_log(log_level::warning, "database_connect_failed",
                      {{"operation", op.name}, {"detail", error.what()}});
            count_failure(op, "unavailable");
            throw database_unavailable("the database cannot be reached");
        }
    }

    const database_options options_;
    const std::string conninfo_;
    answer_watch watch_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::condition_variable stopped_;
    std::deque<waiting_operation> queue_;
    std::optional<double> typical_time_; ///< of an operation: the logarithm of its seconds
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

database::database(database_options options) : impl_(std::make_unique<impl>(std::move(options))) {}

database::~database() = default;

std::chrono::milliseconds database::expected_wait() const {
    return impl_->expected_wait();
}

void database::submit(operation op) {
    impl_->submit(std::move(op));
}

bool is_passing(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const database_unavailable&) {
        return true;
    } catch (const write_in_doubt&) {
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace checkout
