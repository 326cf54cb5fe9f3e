// Brings a database to the schema that this binary carries: plain SQL files in Flyway's naming, applied in
// order, each in a transaction of its own, under a session-level advisory lock, with their checksums kept.
#pragma once

#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

struct migration {
    int version = 0;
    std::string name;           ///< of the file
    std::string_view sql;       ///< ends in NUL, as embedded texts and literals do
    std::string checksum;       ///< lower-case hex SHA-256 of the text
    bool in_transaction = true; ///< false when marked "-- no-transaction" on a line of its own
};

/// A file of the form V<n>__<name>.sql. Throws std::invalid_argument for another name.
migration make_migration(std::string_view file_name, std::string_view sql);

/// Migration cannot go on; what() is a sentence for the operator, with the SQL to run where that helps.
class migration_error : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Applies what is missing of `migrations` (any order), telling `progress` of each. Creates schema, roles and
/// the history when they are missing. Several may run at once: one does the work, the others find nothing to
/// do. Throws migration_error, and std::invalid_argument for an unreadable URL; what was applied before
/// stays.
void migrate(const std::string& database_url, std::vector<migration> migrations,
             const std::function<void(const migration&)>& progress);

/// The newest version applied; 0 when there is none, or none that this role may see. Throws
/// database_unavailable.
boost::asio::awaitable<int> find_schema_version(database& db);

} // namespace checkout
