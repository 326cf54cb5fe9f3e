// A database of a suite's own, with the service's real migrations, on the server that TEST_POSTGRES_URL (a
// superuser's connection string) names; and a server of a test's own, for what a shared one must not suffer.
// Both are removed with their objects. Every failure of the set-up throws.
#pragma once

#include "storage/database.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace checkout::test {

/// TEST_POSTGRES_URL.
std::string shared_server();

/// Another way into `url`'s server.
struct login {
    std::string user;
    std::string password;
    std::string dbname;
};
std::string with_login(const std::string& url, const login& as);

/// What the server made of a text of SQL.
struct sql_outcome {
    std::string sqlstate; ///< empty: it was done
    std::string message;
    std::vector<std::vector<std::optional<std::string>>> rows; ///< of the last statement

    bool done() const { return sqlstate.empty(); }
};

/// A connection for plain SQL.
class sql_connection {
public:
    explicit sql_connection(const std::string& url);
    ~sql_connection();
    sql_connection(const sql_connection&) = delete;
    sql_connection& operator=(const sql_connection&) = delete;

    sql_outcome run(const std::string& sql);
    /// The first field, "" for NULL or no row. Throws when the server refuses.
    std::string value(const std::string& sql);
    /// Asks again until the answer is `wanted`; throws after 20 seconds.
    void await_value(const std::string& sql, const std::string& wanted);

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

enum class schema { empty, migrated };

class test_database {
public:
    explicit test_database(schema wanted = schema::migrated, const std::string& server = shared_server());
    ~test_database();
    test_database(const test_database&) = delete;
    test_database& operator=(const test_database&) = delete;

    std::string superuser_url() const;
    std::string owner_url() const;   ///< owns the database and may create roles; migrates
    std::string service_url() const; ///< once migrated: a member of checkout_service and nothing else

    sql_connection& superuser();
    sql_connection& owner();
    sql_connection& service();

private:
    sql_connection& open(std::unique_ptr<sql_connection>& connection, const std::string& url);

    std::string server_;
    std::string name_;
    std::string password_;
    std::unique_ptr<sql_connection> superuser_;
    std::unique_ptr<sql_connection> owner_;
    std::unique_ptr<sql_connection> service_;
};

/// A server that no other test sees: it may be stopped, and roles may be missing.
class private_server {
public:
    private_server();
    ~private_server();
    private_server(const private_server&) = delete;
    private_server& operator=(const private_server&) = delete;

    const std::string& url() const { return url_; } ///< a superuser's
    void stop();
    void start();

private:
    void control(const std::string& verb) const;

    std::string home_;
    std::string url_;
};

/// Runs them side by side on one thread to their ends; throws the first one's exception.
template <class T>
std::vector<T> await_all(std::vector<boost::asio::awaitable<T>> work) {
    boost::asio::io_context io{1};
    std::vector<std::future<T>> pending;
    for (auto& one : work)
        pending.push_back(boost::asio::co_spawn(io, std::move(one), boost::asio::use_future));
    io.run();
    std::vector<T> results;
    for (auto& one : pending)
        results.push_back(one.get());
    return results;
}

template <class T>
T await_result(boost::asio::awaitable<T> work) {
    boost::asio::io_context io{1};
    auto pending = boost::asio::co_spawn(io, std::move(work), boost::asio::use_future);
    io.run();
    return pending.get();
}

} // namespace checkout::test
