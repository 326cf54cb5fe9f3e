// The record's vitals, each against orders that were brought into the state that it counts.
#include "storage/vitals_store.h"

#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using namespace checkout;
using namespace checkout::test;

namespace {

record_vitals read(recorded_orders& at) {
    vitals_store vitals(at.db);
    return await_result(vitals.read());
}

/// Columns of the session with that id of Clink's.
void set(recorded_orders& at, const std::string& session, const std::string& assignments) {
    at.server.superuser().value("update checkout.sessions set " + assignments + " where clink_session_id = '"
                                + session + "'");
}

} // namespace

TEST_CASE("vitals: an empty record has nothing under way, and names every kind of discrepancy") {
    recorded_orders at;
    const auto found = read(at);
    CHECK(found.creating + found.open + found.processing + found.superseded + found.dark == 0);
    CHECK(found.oldest_unsettled.count() == 0);
    CHECK(found.overdue + found.exposed_orders + found.due + found.webhooks_pending == 0);
    CHECK(found.sweeper_lag.count() == 0);
    CHECK(found.open_discrepancies.size() == all_discrepancy_kinds().size());
    CHECK(found.open_discrepancies.at("stuck_unknown") == 0);
}

TEST_CASE("vitals: sessions are counted by state until they end") {
    recorded_orders at;
    at.begin("ORD-creating");
    at.open_session("ORD-open", "sess_open");
    at.open_session("ORD-processing", "sess_processing");
    auto paying =
        at.settle_as("ORD-processing", "sess_processing",
                     say("sess_processing", clink_session_status::open, clink_payment_status::processing));
    paying.next_check = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    REQUIRE(at.apply("ORD-processing", paying));
    at.paid_order("ORD-paid", "sess_paid");
    at.close(at.begin("ORD-dark"), dark());
    const auto found = read(at);
    CHECK(found.creating == 1);
    CHECK(found.open == 1);
    CHECK(found.processing == 1);
    CHECK(found.dark == 1);
    CHECK(found.superseded == 0);
    CHECK(found.exposed_orders == 0);
    CHECK(found.overdue == 0);
}

TEST_CASE("vitals: an order with a superseded page that has not ended is exposed") {
    recorded_orders at;
    const auto first = at.open_session("ORD-1", "sess_1");
    const auto second = at.begin_next("ORD-1", std::nullopt, first.id);
    REQUIRE(second);
    REQUIRE(at.release(*second, "sess_2", first.id));
    at.open_session("ORD-2", "sess_3");
    auto found = read(at);
    CHECK(found.open == 2);
    CHECK(found.superseded == 1);
    CHECK(found.exposed_orders == 1);
    at.apply("ORD-1",
             at.settle_as("ORD-1", "sess_1",
                          say("sess_1", clink_session_status::expired, clink_payment_status::unpaid)));
    found = read(at);
    CHECK(found.superseded == 0);
    CHECK(found.exposed_orders == 0);
}

TEST_CASE("vitals: the oldest session without an end, and those an hour past their expiry") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    at.open_session("ORD-2", "sess_2");
    CHECK(read(at).oldest_unsettled.count() < 60);
    set(at, "sess_1", "expire_time = now() - interval '59 minutes'");
    CHECK(read(at).overdue == 0);
    set(at, "sess_1", "expire_time = now() - interval '61 minutes'");
    CHECK(read(at).overdue == 1);
    set(at, "sess_1", "checked_at = now() - interval '60 minutes'"); // Clink said that it goes on
    CHECK(read(at).overdue == 0);
    auto& database = at.server.superuser();
    database.value("alter table checkout.sessions disable trigger sessions_guard");
    set(at, "sess_2", "released_at = now() - interval '26 hours', expire_time = null");
    CHECK(read(at).overdue == 1);
    const auto age = read(at).oldest_unsettled.count();
    CHECK(age > 26 * 3'600 - 1);
    CHECK(age < 26 * 3'600 + 60);
}

TEST_CASE("vitals: what is due, since when, of all three kinds") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    at.open_session("ORD-2", "sess_2");
    set(at, "sess_1", "next_check_at = now() - interval '90 seconds'");
    set(at, "sess_2", "next_check_at = now() + interval '90 seconds'");
    auto& database = at.server.superuser();
    database.value("insert into checkout.webhooks (event_id, body, signed_at, next_try_at)"
                   " values ('evt_1', '', now(), now() - interval '10 seconds'),"
                   " ('evt_2', '', now(), now() + interval '1 hour')");
    database.value(
        "insert into checkout.refunds (clink_refund_id, clink_order_id, status, evidence, next_check_at)"
        " values ('ref_1', 'order_1', 'created', 'webhook', now() - interval '1 hour')");
    const auto found = read(at);
    CHECK(found.due == 3);
    CHECK(found.sweeper_lag.count() > 3'599);
    CHECK(found.sweeper_lag.count() < 3'660);
    CHECK(found.webhooks_pending == 2);
}

TEST_CASE("vitals: open discrepancies by kind, and not the resolved ones") {
    recorded_orders at;
    auto& database = at.server.superuser();
    database.value("insert into checkout.discrepancies (kind, subject, state, resolved_at) values"
                   " ('orphan_event', 'a', 'open', null), ('orphan_event', 'b', 'open', null),"
                   " ('orphan_event', 'c', 'resolved', now()), ('stuck_unknown', 'd', 'open', null)");
    const auto found = read(at).open_discrepancies;
    CHECK(found.at("orphan_event") == 2);
    CHECK(found.at("stuck_unknown") == 1);
    CHECK(found.at("duplicate_payment") == 0);
}

TEST_CASE("vitals: the feed's lag is since it was complete, and events without a number are counted") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    at.server.superuser().value("update checkout.feed_head set complete_to = now() - interval '5 minutes'");
    const auto found = read(at);
    CHECK(found.feed_pending == 2);
    CHECK(found.feed_lag.count() > 299);
    CHECK(found.feed_lag.count() < 360);
}
