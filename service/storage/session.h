// What an operation sees of its connection: prepared statements by constant, executed inside the operation's
// own transaction. For storage/*.cpp alone; everything else sees stores.
#pragma once

#include "storage/answer_watch.h"

#include <pqxx/pqxx>

#include <set>
#include <string>
#include <string_view>

namespace checkout {

/// A statement of the service: a unique name, and its text with $1, $2 …
struct sql_statement {
    const char* name;
    const char* text;
};

class db_session {
public:
    db_session(pqxx::connection& connection, pqxx::transaction_base& transaction,
               std::set<std::string_view>& prepared, answer_watch::wait& answer)
        : connection_(connection),
          transaction_(transaction),
          prepared_(prepared),
          answer_(answer) {}

    /// Executes the statement, prepared once per connection. Throws pqxx's exceptions.
    template <class... Arguments>
    pqxx::result run(const sql_statement& statement, Arguments&&... arguments) {
        prepare(statement);
        answer_.renew();
        return transaction_.exec(pqxx::prepped{statement.name},
                                 pqxx::params{std::forward<Arguments>(arguments)...});
    }

    /// Executes it planned for these values alone: for reports, whose conditions differ from one to the next.
    pqxx::result run_once(const std::string& text, const pqxx::params& values) {
        answer_.renew();
        return transaction_.exec(text, values);
    }

private:
    void prepare(const sql_statement& statement) {
        if (prepared_.contains(statement.name))
            return;
        answer_.renew();
        connection_.prepare(statement.name, statement.text);
        prepared_.insert(statement.name);
    }

    pqxx::connection& connection_;
    pqxx::transaction_base& transaction_;
    std::set<std::string_view>& prepared_;
    answer_watch::wait& answer_;
};

} // namespace checkout
