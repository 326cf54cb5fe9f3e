// A service of the first schema's time and the schema of now: its data is taken over, and what it writes
// while it still runs is written and watched.
#include "app/migrate.h"
#include "support/first_service.h"
#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

void migrate_to(test_database& at, int version) {
    auto steps = own_migrations();
    std::erase_if(steps, [version](const migration& step) { return step.version > version; });
    migrate(at.owner_url(), std::move(steps), [](const migration&) {});
}

/// An empty database of V1's time.
struct first_database {
    test_database server{schema::empty};

    first_database() {
        migrate_to(server, 1);
        server.superuser().value("grant checkout_service to "
                                 + server.service().value("select current_user"));
    }
};

} // namespace

TEST_CASE("upgrade: what the first version recorded is there, whole, and watched") {
    first_database at;
    first_service then(at.server.service());
    const auto paid = then.begin("PAID");
    then.release("PAID", paid, "sess_1");
    then.pay("PAID", paid, "order_1");
    const auto open = then.begin("OPEN");
    then.release("OPEN", open, "sess_2");
    const auto dark = then.begin("DARK");
    then.close("DARK", dark, {}, "sess_3");
    const auto refused = then.begin("REFUSED");
    then.close("REFUSED", refused, "400", {});
    const auto creating = then.begin("CREATING", "-1000");
    then.open_discrepancy("OPEN", open, "stuck_unknown");
    const auto events = at.server.superuser().value("select count(*) from checkout.events");

    migrate_to(at.server, own_schema_version());
    CHECK(at.server.superuser().value("select count(*) from checkout.events") == events);
    CHECK(at.server.superuser().value("select indisvalid from pg_index"
                                      " where indexrelid = 'checkout.sessions_due'::regclass")
          == "t");
    CHECK(at.server.superuser().value("select count(*) from checkout.sessions where next_check_at is null")
          == "0");
    database db({.url = at.server.service_url(), .connections = 2, .queue_length = 16, .limits = {}});
    order_store orders(db);
    const auto get = [&](const std::string& id) {
        return await_result(orders.find_whole_order(merchant_order_id(id))).value();
    };
    const auto order = get("PAID");
    CHECK(order.state == order_state::paid);
    CHECK(order.refund_count == 0);
    CHECK(order.payments.at(0).order_id == clink_order_id("order_1"));
    CHECK(order.payments[0].clink_refunds == refund_extent::none);
    CHECK_FALSE(order.payments[0].items_total);
    CHECK(find_state(order) == order_state::paid);
    CHECK(get("OPEN").find_current()->session_id == clink_session_id("sess_2"));
    CHECK(get("DARK").sessions.at(0).session_id == clink_session_id("sess_3"));
    CHECK(get("REFUSED").sessions.at(0).refusal_code == "400");

    // The service of now goes on with it.
    sweep_store sweeps(db);
    CHECK(await_result(sweeps.claim(10, 60s, 60s)).empty());
    at.server.superuser().value("update checkout.sessions set next_check_at = now()");
    CHECK(await_result(sweeps.claim(10, 60s, 60s)).size() == 4);
    CHECK(await_result(sweeps.claim_leases(10, 60s)).size() == 1);
    attempt_store attempts(db);
    CHECK(await_result(attempts.lapse(get("CREATING").key, attempt_id(creating))));
    settlement_store settlements(db);
    const auto seen = get("OPEN");
    const auto change = settle(
        seen, seen.sessions.at(0),
        {.session = say("sess_2", clink_session_status::expired, clink_payment_status::unpaid), .orders = {}},
        evidence::sweeper);
    CHECK(await_result(
        settlements.apply(seen.key, seen.version, change, {.clink_body = "", .request_id = "r"})));
    refund_facts refund;
    refund.refund_id = clink_refund_id("rfd_1");
    refund.order_id = clink_order_id("order_1");
    refund.status = refund_status::success;
    refund.amount = decimal::parse("49.90");
    refund.currency = "USD";
    CHECK(await_result(settlements.apply(order.key, order.version,
                                         settle_refund(order, refund, evidence::webhook),
                                         {.clink_body = "", .request_id = "r"})));
    CHECK(get("PAID").state == order_state::refunded);
}

TEST_CASE(
    "upgrade: the first version's service still works on the schema of now, and what it writes is watched") {
    recorded_orders at;
    first_service then(at.server.service());
    const auto first = then.begin("ORD-1");
    then.release("ORD-1", first, "sess_1");
    const auto second = then.begin_next("ORD-1", "2", first);
    then.supersede(first, second);
    then.release("ORD-1", second, "sess_2");
    then.note_check(second);
    auto order = at.get("ORD-1");
    REQUIRE(order.sessions.size() == 2);
    CHECK(order.find_current()->session_id == clink_session_id("sess_2"));
    CHECK(order.sessions[0].superseded_at.has_value());
    for (const auto& session : order.sessions)
        CHECK(session.next_check_at.has_value());

    const auto payment = then.pay("ORD-1", second, std::nullopt);
    CHECK(at.get("ORD-1").state == order_state::underpaid);
    then.set_state("ORD-1", "paid", 1);
    then.detail(payment, "order_2");
    order = at.get("ORD-1");
    CHECK(order.state == order_state::paid);
    CHECK(order.payments.at(0).order_id == clink_order_id("order_2"));
    CHECK(order.sessions[1].ended_at.has_value());
    CHECK(at.kinds("ORD-1")
          == "attempt_created session_released attempt_created session_superseded session_released");

    const auto dark = then.begin("DARK");
    then.close("DARK", dark, {}, {});
    then.close("DARK", dark, {}, "sess_late");
    const auto refused = then.begin("REFUSED");
    then.close("REFUSED", refused, "400", {});
    const auto lapsed = then.begin("LAPSED", "-1000");
    then.lapse(lapsed);
    then.begin("CANCELLED");
    then.cancel("CANCELLED");
    then.open_discrepancy("DARK", dark, "amount_mismatch");
    CHECK(at.get("DARK").sessions.at(0).session_id == clink_session_id("sess_late"));
    CHECK(at.get("LAPSED").sessions.at(0).status == session_status::dark);
    CHECK(at.get("CANCELLED").state == order_state::cancelled);
    CHECK(at.discrepancy(discrepancy_kind::amount_mismatch).order_id == merchant_order_id("DARK"));
    CHECK(at.server.superuser().value("select count(*) from checkout.sessions where next_check_at is null")
          == "0");
}

TEST_CASE("upgrade: both versions' services work on one order, and neither settles past the other") {
    recorded_orders at;
    first_service then(at.server.service());
    const auto attempt = then.begin("ORD-1");
    then.release("ORD-1", attempt, "sess_1");
    const auto seen = at.get("ORD-1");
    const auto change = at.settle_as("ORD-1", "sess_1", say_paid("sess_1"));
    then.set_state("ORD-1", "processing", 0);
    CHECK_FALSE(await_result(
        at.settlements.apply(seen.key, seen.version, change, {.clink_body = "", .request_id = "r"})));
    CHECK(at.apply("ORD-1", change));
    CHECK(at.get("ORD-1").state == order_state::paid);
}
