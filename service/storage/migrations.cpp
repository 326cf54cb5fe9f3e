#include "storage/migrations.h"

#include "crypto/digest.h"
#include "storage/session.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <thread>

namespace checkout {

namespace {

using namespace std::chrono_literals;

/// Arbitrary, and the same in every version of the service.
constexpr std::int64_t advisory_lock_key = 0x636c696e6b;
constexpr auto lock_patience = 5min;
constexpr auto retry_pause = 500ms;
constexpr int lock_timeout_tries = 20;

constexpr const char* create_history = R"sql(
create table if not exists checkout.schema_migrations (
    version    integer primary key,
    name       text not null,
    checksum   text not null,
    applied_at timestamptz not null default now()
))sql";

constexpr std::string_view roles[] = {"checkout_service", "finance_reader"};

/// Holds the advisory lock while it lives, so that replicas which start together migrate one after the other.
class migration_lock {
public:
    explicit migration_lock(pqxx::connection& link) : link_(link) {
        const auto until = std::chrono::steady_clock::now() + lock_patience;
        while (!try_lock()) {
            if (std::chrono::steady_clock::now() > until)
                throw migration_error(
                    "another migration has been running for 5 minutes; see pg_locks, locktype advisory");
            std::this_thread::sleep_for(retry_pause);
        }
    }
    ~migration_lock() {
        try {
            pqxx::nontransaction(link_).exec("select pg_advisory_unlock($1)",
                                             pqxx::params{advisory_lock_key});
        } catch (const std::exception&) {
            // The lock ends with the connection.
        }
    }
    migration_lock(const migration_lock&) = delete;
    migration_lock& operator=(const migration_lock&) = delete;

private:
    bool try_lock() {
        return pqxx::nontransaction(link_)
            .exec("select pg_try_advisory_lock($1)", pqxx::params{advisory_lock_key})
            .one_field()
            .as<bool>();
    }

    pqxx::connection& link_;
};

bool role_exists(pqxx::connection& link, std::string_view role) {
    return !pqxx::nontransaction(link)
                .exec("select 1 from pg_roles where rolname = $1", pqxx::params{role})
                .empty();
}

std::string create_role_sql(std::string_view role) {
    return "create role " + std::string(role) + " nologin";
}

/// Roles belong to the whole server: somebody else may make them at the same moment, or we may not have the
/// right.
void ensure_roles(pqxx::connection& link) {
    std::string missing;
    for (const auto role : roles) {
        if (role_exists(link, role))
            continue;
        try {
            pqxx::nontransaction(link).exec(create_role_sql(role));
        } catch (const pqxx::insufficient_privilege&) {
            missing += "\n  " + create_role_sql(role) + ";";
        } catch (const pqxx::sql_error&) {
            if (!role_exists(link, role))
                throw;
        }
    }
    if (!missing.empty())
        throw migration_error(
            "the migrating role may not create roles; run this as one that may, then migrate again:"
            + missing);
}

void ensure_schema(pqxx::connection& link) {
    pqxx::work transaction(link);
    if (transaction.exec("select 1 from pg_namespace where nspname = 'checkout'").empty())
        transaction.exec("create schema checkout");
    transaction.exec(create_history);
    transaction.commit();
}

std::map<int, std::string> read_history(pqxx::connection& link) {
    std::map<int, std::string> applied;
    for (const auto& row :
         pqxx::nontransaction(link).exec("select version, checksum from checkout.schema_migrations"))
        applied.emplace(row[0].as<int>(), row[1].as<std::string>());
    return applied;
}

void record(pqxx::transaction_base& transaction, const migration& step) {
    transaction.exec("insert into checkout.schema_migrations (version, name, checksum) values ($1, $2, $3)",
                     pqxx::params{step.version, step.name, step.checksum});
}

/// What an interrupted CREATE INDEX CONCURRENTLY left behind would be taken for the index by its next try.
void drop_invalid_indexes(pqxx::transaction_base& transaction) {
    const auto rows = transaction.exec(
        "select format('drop index concurrently if exists checkout.%I', c.relname) from pg_index i"
        " join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'checkout' and not i.indisvalid");
    for (const auto& row : rows)
        transaction.exec(row[0].as<std::string>());
}

/// An index that is built concurrently holds nobody up while it waits, and waits for every older snapshot:
/// that of an export or a backup, too. Giving up throws away what was built, so it is slow to.
void apply_once(pqxx::connection& link, const migration& step) {
    if (step.in_transaction) {
        pqxx::work transaction(link);
        transaction.exec("set local lock_timeout = '5s'");
        transaction.exec(pqxx::zview(step.sql));
        record(transaction, step);
        transaction.commit();
        return;
    }
    pqxx::nontransaction transaction(link);
    transaction.exec("set lock_timeout = '20min'");
    drop_invalid_indexes(transaction);
    transaction.exec(pqxx::zview(step.sql));
    record(transaction, step);
}

/// A busy table is waited for in short turns, so that the service's own statements do not queue behind ours.
void apply(pqxx::connection& link, const migration& step) {
    for (int attempt = 1;; ++attempt) {
        try {
            apply_once(link, step);
            return;
        } catch (const pqxx::sql_error& error) {
            const bool busy = error.sqlstate() == "55P03" || error.sqlstate() == "40P01";
            if (!busy || attempt == lock_timeout_tries)
                throw migration_error(step.name + " failed: " + error.what());
        }
        std::this_thread::sleep_for(retry_pause);
    }
}

void check_history(const std::map<int, std::string>& applied, const std::vector<migration>& migrations) {
    for (const auto& step : migrations) {
        const auto found = applied.find(step.version);
        if (found != applied.end() && found->second != step.checksum)
            throw migration_error(step.name
                                  + " was applied with another text; a migration never changes once applied");
    }
}

constexpr sql_statement select_version{
    "select_schema_version", "select coalesce(max(version), 0) as version from checkout.schema_migrations"};

} // namespace

migration make_migration(std::string_view file_name, std::string_view sql) {
    const auto fail = [&] {
        throw std::invalid_argument("not a migration's name: " + std::string(file_name));
    };
    int version = 0;
    if (!file_name.starts_with('V') || !file_name.ends_with(".sql"))
        fail();
    const auto digits = file_name.substr(1, file_name.find("__") - 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
    const bool has_name = file_name.size() > std::string_view("V__.sql").size() + digits.size();
    if (error != std::errc{} || end != digits.data() + digits.size() || version < 1 || !has_name)
        fail();
    return {.version = version,
            .name = std::string(file_name),
            .sql = sql,
            .checksum = to_hex(sha256(sql)),
            .in_transaction = sql.find("\n-- no-transaction\n") == std::string_view::npos
                              && !sql.starts_with("-- no-transaction\n")};
}

void migrate(const std::string& database_url, std::vector<migration> migrations,
             const std::function<void(const migration&)>& progress) {
    std::ranges::sort(migrations, {}, &migration::version);
    try {
        pqxx::connection link(complete_conninfo(database_url, connection_limits{}));
        link.set_verbosity(pqxx::error_verbosity::terse);
        link.set_notice_handler([](pqxx::zview) noexcept {});
        pqxx::nontransaction(link).exec(
            "set lock_timeout = '5s'; set timezone = 'UTC'; set client_encoding = 'UTF8'");
        const migration_lock lock(link);
        ensure_roles(link);
        ensure_schema(link);
        const auto applied = read_history(link);
        check_history(applied, migrations);
        for (const auto& step : migrations) {
            if (applied.contains(step.version))
                continue;
            apply(link, step);
            progress(step);
        }
    } catch (const pqxx::failure& error) {
        throw migration_error(std::string("the database refused: ") + error.what());
    }
}

boost::asio::awaitable<int> find_schema_version(database& db) {
    return db.run("find_schema_version", operation_mode::read, [](db_session& session) {
        try {
            return session.run(select_version).one_field().as<int>();
        } catch (const pqxx::undefined_table&) {
            return 0;
        } catch (const pqxx::insufficient_privilege&) {
            return 0;
        }
    });
}

} // namespace checkout
