#include "support/test_database.h"

#include "app/migrate.h"
#include "crypto/digest.h"
#include "storage/migrations.h"

#include <pqxx/pqxx>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace checkout::test {

namespace {

using namespace std::chrono_literals;

/// The script beside this file.
std::string control_script() {
    return (std::filesystem::path(__FILE__).parent_path() / "postgres").string();
}

struct pipe_closer {
    void operator()(std::FILE* pipe) const { ::pclose(pipe); }
};

std::string output_of(const std::string& command) {
    const std::unique_ptr<std::FILE, pipe_closer> pipe(::popen(command.c_str(), "r"));
    if (!pipe)
        throw std::runtime_error("cannot start " + command);
    std::string text;
    std::array<char, 512> buffer;
    while (std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr)
        text += buffer.data();
    return text;
}

sql_outcome take_rows(const pqxx::result& result) {
    sql_outcome outcome;
    for (const auto& row : result) {
        auto& fields = outcome.rows.emplace_back();
        for (const auto& field : row)
            fields.push_back(field.as<std::optional<std::string>>());
    }
    return outcome;
}

} // namespace

std::string shared_server() {
    const char* url = std::getenv("TEST_POSTGRES_URL");
    if (url == nullptr)
        throw std::runtime_error("TEST_POSTGRES_URL is not set; run this by tests/support/postgres run");
    return url;
}

std::string with_login(const std::string& url, const login& as) {
    return complete_conninfo(url, {}) + "user='" + as.user + "' password='" + as.password + "' dbname='"
           + as.dbname + "'";
}

struct sql_connection::impl {
    pqxx::connection link;
};

sql_connection::sql_connection(const std::string& url)
    : impl_(std::make_unique<impl>(impl{pqxx::connection(url)})) {
    impl_->link.set_notice_handler([](pqxx::zview) noexcept {});
}

sql_connection::~sql_connection() = default;

sql_outcome sql_connection::run(const std::string& sql) {
    try {
        return take_rows(pqxx::nontransaction(impl_->link).exec(sql));
    } catch (const pqxx::insufficient_privilege& error) { // the one that libpqxx gives no SQLSTATE
        return {.sqlstate = "42501", .message = error.what(), .rows = {}};
    } catch (const pqxx::sql_error& error) {
        return {.sqlstate = error.sqlstate(), .message = error.what(), .rows = {}};
    }
}

std::string sql_connection::value(const std::string& sql) {
    const auto outcome = run(sql);
    if (!outcome.done())
        throw std::runtime_error(outcome.sqlstate + " " + outcome.message);
    return outcome.rows.empty() ? "" : outcome.rows.front().front().value_or("");
}

void sql_connection::await_value(const std::string& sql, const std::string& wanted) {
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (value(sql) != wanted) {
        if (std::chrono::steady_clock::now() > until)
            throw std::runtime_error("did not become " + wanted + ": " + sql);
        std::this_thread::sleep_for(2ms);
    }
}

test_database::test_database(schema wanted, const std::string& server)
    : server_(server),
      name_("test_" + to_hex(random_bytes(8))),
      password_(to_hex(random_bytes(16))) {
    sql_connection admin(server_);
    const auto login = " login password '" + password_ + "'";
    admin.value("create role " + name_ + "_owner createrole" + login);
    admin.value("create role " + name_ + "_service" + login);
    admin.value("create database " + name_ + " owner " + name_ + "_owner");
    if (wanted == schema::empty)
        return;
    // However busy the machine is.
    migrate(owner_url() + " connect_timeout='60'", own_migrations(), [](const migration&) {});
    admin.value("grant checkout_service to " + name_ + "_service");
}

test_database::~test_database() {
    superuser_.reset();
    owner_.reset();
    service_.reset();
    try {
        sql_connection admin(server_);
        admin.run("drop database " + name_ + " with (force)");
        admin.run("drop role " + name_ + "_service, " + name_ + "_owner");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s is left behind: %s\n", name_.c_str(), error.what());
    }
}

std::string test_database::superuser_url() const {
    return complete_conninfo(server_, {}) + "dbname='" + name_ + "'";
}

std::string test_database::owner_url() const {
    return with_login(server_, {.user = name_ + "_owner", .password = password_, .dbname = name_});
}

std::string test_database::service_url() const {
    return with_login(server_, {.user = name_ + "_service", .password = password_, .dbname = name_});
}

sql_connection& test_database::superuser() {
    return open(superuser_, superuser_url());
}

sql_connection& test_database::owner() {
    return open(owner_, owner_url());
}

sql_connection& test_database::service() {
    return open(service_, service_url());
}

sql_connection& test_database::open(std::unique_ptr<sql_connection>& connection, const std::string& url) {
    if (!connection)
        connection = std::make_unique<sql_connection>(url);
    return *connection;
}

private_server::private_server() {
    const auto lines = output_of("'" + control_script() + "' create");
    const auto end = lines.find('\n');
    if (end == std::string::npos)
        throw std::runtime_error("no PostgreSQL server for this test alone could be made");
    home_ = lines.substr(0, end);
    url_ = lines.substr(end + 1, lines.find('\n', end + 1) - end - 1);
}

private_server::~private_server() {
    try {
        control("remove");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
}

void private_server::stop() {
    control("stop");
}

void private_server::start() {
    control("start");
}

void private_server::control(const std::string& verb) const {
    const auto command = "'" + control_script() + "' " + verb + " '" + home_ + "' >&2";
    if (std::system(command.c_str()) != 0)
        throw std::runtime_error("failed: " + command);
}

} // namespace checkout::test
