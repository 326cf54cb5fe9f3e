// Discrepancies: opened once per kind and subject within the transaction of what revealed them, and listed
// per order.
#pragma once

#include "domain/settle.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <vector>

namespace checkout {

/// Opens it if it is new, with its event when it has an order; for use inside another store's transaction.
void open_discrepancy(db_session& session, std::optional<order_key> order, const discrepancy_draft& draft,
                      const std::optional<std::string>& source, const std::string& request_id);
/// Resolves what `closing` explains, each with its event; likewise. Without an order by kind and subject.
void close_discrepancies(db_session& session, std::optional<order_key> order,
                         const discrepancy_closing& closing, const std::optional<std::string>& source,
                         const std::string& request_id);

/// A discrepancy in a list, with what it is about.
struct discrepancy_line {
    discrepancy_record found;
    std::string subject;
    std::string state; ///< open or resolved
    std::optional<merchant_order_id> order_id;
    std::optional<int> attempt;
    std::optional<clink_session_id> session_id;
    std::optional<instant> resolved_at;
    std::optional<std::string> resolution;
    std::optional<std::string> note;
    std::optional<std::string> resolved_by;
};

/// An operator's word on a discrepancy.
struct discrepancy_resolution {
    std::int64_t id = 0;
    std::string resolution;
    std::optional<std::string> note;
    std::string actor; ///< the token's name
    std::string request_id;
};

struct discrepancy_query {
    std::optional<std::string> state;
    std::optional<discrepancy_kind> kind;
    std::int64_t after = 0; ///< the last id of the page before
    int limit = 100;
};

struct discrepancy_page {
    instant as_of{}; ///< nothing that was opened before it will appear later
    std::vector<discrepancy_line> lines;
};

class discrepancy_store {
public:
    explicit discrepancy_store(database& db) : db_(db) {}

    /// The order's open ones, oldest first. Throws database_unavailable.
    boost::asio::awaitable<std::vector<discrepancy_record>> list_open(order_key order);

    /// Opens it if it is new. Always true.
    boost::asio::awaitable<bool> open(order_key order, discrepancy_draft draft, evidence source,
                                      std::string request_id);
    /// A page, by id. Throws database_unavailable.
    boost::asio::awaitable<discrepancy_page> list(discrepancy_query query);
    /// Resolves it if it is open, with its event when it has an order. The discrepancy as it then is; nothing
    /// when there is none.
    boost::asio::awaitable<std::optional<discrepancy_line>> resolve(discrepancy_resolution by);

private:
    database& db_;
};

} // namespace checkout
