// Orders brought into a state through the stores themselves, in a database of their own: what the tests of
// the stores and of the schema begin with.
#pragma once

#include "storage/attempt_store.h"
#include "storage/discrepancy_store.h"
#include "storage/order_store.h"
#include "storage/refund_store.h"
#include "storage/report_store.h"
#include "storage/settlement_store.h"
#include "storage/sweep_store.h"
#include "storage/webhook_store.h"
#include "support/test_database.h"

#include <chrono>
#include <string>
#include <vector>

namespace checkout::test {

/// A lease that outlives every test.
constexpr std::chrono::milliseconds long_lease = std::chrono::minutes(10);

attempt_intent make_intent(const std::string& order, std::chrono::milliseconds lease = long_lease);
released_handle make_handle(const std::string& session_id);
exchange_record make_exchange(const std::string& request_id = "request-1");
unreleased_end dark(); ///< an end of which nothing is known
unreleased_end dark_with(std::optional<std::string> session_id);
unreleased_end refused_as(std::string code);
/// Throws std::logic_error when the order has none of that id.
const session_record& attempt_of(const order_record& order, const attempt_id& id);

struct recorded_orders {
    test_database server;
    database db{{.url = server.service_url(), .connections = 4, .queue_length = 64, .limits = {}}};
    attempt_store attempts{db};
    settlement_store settlements{db};
    order_store orders{db};
    report_store reports{db};
    discrepancy_store discrepancies{db};
    webhook_store inbox{db};
    refund_store refunds{db};
    sweep_store sweeps{db};

    /// The first attempt of a new order, creating.
    begun_attempt begin(const std::string& order, std::chrono::milliseconds lease = long_lease);
    /// The order's next attempt, on the view of it now.
    std::optional<begun_attempt> begin_next(const std::string& order,
                                            std::optional<attempt_id> lapsed = std::nullopt,
                                            std::optional<attempt_id> supersedes = std::nullopt);
    std::optional<session_record> release(const begun_attempt& attempt, const std::string& session_id,
                                          std::optional<attempt_id> supersedes = std::nullopt);
    bool close(const begun_attempt& attempt, unreleased_end end);
    /// A new order with a current session.
    session_record open_session(const std::string& order, const std::string& session_id);

    /// Settles the order's session by what Clink says, on the view of it now.
    settlement settle_as(const std::string& order, const std::string& session_id, session_facts said,
                         evidence source = evidence::sweeper);
    bool apply(const std::string& order, const settlement& change);
    /// A new order with one exact payment of its only session.
    void paid_order(const std::string& order, const std::string& session_id);

    /// With every attempt.
    order_record get(const std::string& order);
    std::vector<event_record> events(const std::string& order);
    /// Their kinds, oldest first, joined by spaces.
    std::string kinds(const std::string& order);
    /// The first line of that state and kind, of all orders and of none; throws when there is none.
    discrepancy_line discrepancy(discrepancy_kind kind, const std::string& state = "open");
    std::size_t count_discrepancies(std::optional<discrepancy_kind> kind = std::nullopt);
};

/// Clink's word on a session of make_intent's terms.
session_facts say(const std::string& session_id, clink_session_status status, clink_payment_status payment);
/// Completed and paid exactly, by Clink's order "order_<session id>".
session_facts say_paid(const std::string& session_id);

} // namespace checkout::test
