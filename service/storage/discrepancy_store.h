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

/// Opens it if it is new, with its event; for use inside another store's transaction.
void open_discrepancy(db_session& session, order_key order, const discrepancy_draft& draft,
                      const std::optional<std::string>& source, const std::string& request_id);

class discrepancy_store {
public:
    explicit discrepancy_store(database& db) : db_(db) {}

    /// The order's open ones, oldest first. Throws database_unavailable.
    boost::asio::awaitable<std::vector<discrepancy_record>> list_open(order_key order);

private:
    database& db_;
};

} // namespace checkout
