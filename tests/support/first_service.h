// The service that came with the first schema: its statements as they were, for what must hold while it still
// runs beside the service of now. Each call throws when its statement fails or finds no row.
#pragma once

#include "support/test_database.h"

#include <optional>
#include <string>
#include <vector>

namespace checkout::test {

class first_service {
public:
    using argument = std::optional<std::string>;

    /// As the role of that connection.
    explicit first_service(sql_connection& database) : database_(database) {}

    /// A new order's first attempt, creating; its id.
    std::string begin(const std::string& order, const std::string& lease_ms = "15000");
    /// The order's next attempt; its id.
    std::string begin_next(const std::string& order, const std::string& number, const argument& supersedes);
    void lapse(const std::string& attempt);
    void supersede(const std::string& attempt, const std::string& by);
    void release(const std::string& order, const std::string& attempt, const std::string& session);
    /// As dark, or as refused with that code.
    void close(const std::string& order, const std::string& attempt, const argument& refusal,
               const argument& session);
    void note_check(const std::string& attempt);
    /// Completed and paid, exactly when the order of Clink's is known; the payment's id.
    std::string pay(const std::string& order, const std::string& attempt, const argument& clink_order);
    /// What a payment was not known of.
    void detail(const std::string& payment, const std::string& clink_order);
    void set_state(const std::string& order, const std::string& state, int payments);
    void cancel(const std::string& order);
    void open_discrepancy(const std::string& order, const std::string& attempt, const std::string& kind);

private:
    std::string run(const std::string& statement, const std::vector<argument>& arguments);
    std::string key(const std::string& order);
    std::string version(const std::string& order);

    sql_connection& database_;
};

} // namespace checkout::test
