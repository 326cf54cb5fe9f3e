// A fixed set of database threads, each with one connection of its own, behind a bounded queue. One verb runs
// a named operation on one of them and resumes the caller on its own executor. Knows no table. No pqxx type
// leaves storage/.
#pragma once

#include "storage/conninfo.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace checkout {

/// The database did not do it: unreachable, too busy (queue full), timed out or refused. Nothing was changed.
class database_unavailable : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The connection broke after a change was sent: it may have been committed. Read back before answering.
class write_in_doubt : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// It came of the database's absence, and may go well another time; else it is a fault that comes again.
bool is_passing(const std::exception_ptr& failure);

struct database_options {
    std::string url;           ///< libpq URI or keyword string; a secret
    std::string pool = "main"; ///< its name in the metrics
    std::size_t connections = 16;
    std::size_t queue_length = 2048;             ///< operations waiting; one more is refused at once
    std::chrono::milliseconds queue_time{5'000}; ///< one that waited longer is refused unbegun, also while no
                                                 ///< operation ends
    connection_limits limits;
};

/// How an operation meets the database.
enum class operation_mode {
    read,       ///< changes nothing; repeated once on a new connection when the old one turned out broken
    statement,  ///< exactly one statement, its own transaction: one round trip
    transaction ///< several statements that commit together, read committed
};

class db_session; ///< one connection's operation under way; see storage/session.h

class database {
public:
    explicit database(database_options options);
    /// Waits for the operations in progress; those still queued fail with database_unavailable.
    ~database();

    /// How long an operation that came now would wait for a connection, as far as can be told.
    std::chrono::milliseconds expected_wait() const;

    /// Runs `work(db_session&)` on a database thread and resumes with its result. `work` is copied to that
    /// thread: it owns what it uses. Deadlocks and serialization failures are retried (3 tries). Throws
    /// database_unavailable, write_in_doubt (modes that write), or what `work` throws.
    /// Never write `co_await db.run(…, [captures] {…})`: g++ 12 destroys a closure or braced temporary of a
    /// co_await expression twice. A store's function returns the awaitable of `run` instead.
    template <class Work>
    auto run(std::string_view name, operation_mode mode, Work work)
        -> boost::asio::awaitable<std::invoke_result_t<Work&, db_session&>>;

private:
    struct operation {
        std::string_view name;
        operation_mode mode;
        std::function<void(db_session&)> work;            ///< may run more than once
        std::function<void(std::exception_ptr)> complete; ///< called exactly once, on the database thread
    };
    void submit(operation op); ///< calls complete at once with database_unavailable when the queue is full

    class impl;
    std::unique_ptr<impl> impl_;
};

template <class Work>
auto database::run(std::string_view name, operation_mode mode, Work work)
    -> boost::asio::awaitable<std::invoke_result_t<Work&, db_session&>> {
    using value = std::invoke_result_t<Work&, db_session&>;
    static_assert(!std::is_void_v<value>, "an operation returns what it found or did");
    const auto executor = boost::asio::prefer(co_await boost::asio::this_coro::executor,
                                              boost::asio::execution::outstanding_work.tracked);
    auto slot = std::make_shared<std::optional<value>>();
    auto start = [this, name, mode, &work, slot, executor](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        submit({name, mode,
                [slot, task = std::move(work)](db_session& session) mutable { slot->emplace(task(session)); },
                [shared, executor](std::exception_ptr error) {
                    boost::asio::post(executor, [shared, error] { std::move (*shared)(error); });
                }});
    };
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(std::exception_ptr)>(
        std::move(start), boost::asio::use_awaitable);
    co_return std::move(**slot);
}

} // namespace checkout
