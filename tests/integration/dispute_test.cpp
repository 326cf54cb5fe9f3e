#include "storage/refund_store.h"

#include "support/recorded_orders.h"

#include <doctest/doctest.h>

using namespace checkout;
using namespace checkout::test;

namespace {

dispute_facts dispute_of(const std::string& session, dispute_status status) {
    dispute_facts facts;
    facts.dispute_id = clink_dispute_id("cbi_1");
    facts.order_id = clink_order_id("order_" + session);
    facts.status = status;
    facts.amount = decimal::parse("49.9");
    facts.currency = "USD";
    facts.reason_code = "10.4";
    facts.reason = "Fraud";
    facts.evidence_deadline = parse_rfc3339("2026-02-02T00:00:00Z");
    return facts;
}

std::optional<order_key> record(recorded_orders& at, const dispute_facts& facts, const char* said_at) {
    return await_result(at.refunds.record_dispute(facts, parse_rfc3339(said_at).value(), "request-dispute"));
}

} // namespace

TEST_CASE("disputes: one belongs to the order whose payment it is about, else to the one it names") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    at.open_session("ORD-2", "sess_2");
    auto facts = dispute_of("sess_1", dispute_status::pending);
    facts.merchant_reference_id = "ORD-2";
    CHECK(record(at, facts, "2026-01-03T00:00:00Z") == at.get("ORD-1").key);
    const auto order = at.get("ORD-1");
    REQUIRE(order.disputes.size() == 1);
    const auto& dispute = order.disputes[0];
    CHECK(dispute.clink_id == facts.dispute_id);
    CHECK(dispute.order_id == facts.order_id);
    CHECK(dispute.status == dispute_status::pending);
    CHECK(dispute.amount == decimal::parse("49.90"));
    CHECK(dispute.currency == "USD");
    CHECK(dispute.reason_code == "10.4");
    CHECK(dispute.reason == "Fraud");
    CHECK(dispute.evidence_deadline == facts.evidence_deadline);
    CHECK(dispute.said_at == parse_rfc3339("2026-01-03T00:00:00Z"));
    CHECK(at.events("ORD-1").back().kind == "dispute_recorded");
    CHECK(at.events("ORD-1").back().source == "webhook");

    auto named = dispute_of("sess_9", dispute_status::pending);
    named.dispute_id = clink_dispute_id("cbi_2");
    named.merchant_reference_id = "ORD-2";
    CHECK(record(at, named, "2026-01-03T00:00:00Z") == at.get("ORD-2").key);
    CHECK(at.get("ORD-2").disputes.size() == 1);
}

TEST_CASE("disputes: one is as its newest event says, in whatever order events come") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    const auto key = at.get("ORD-1").key;
    CHECK(record(at, dispute_of("sess_1", dispute_status::processing), "2026-01-04T00:00:00Z") == key);
    CHECK(record(at, dispute_of("sess_1", dispute_status::pending), "2026-01-03T00:00:00Z") == key);
    CHECK(at.get("ORD-1").disputes.at(0).status == dispute_status::processing);
    CHECK(record(at, dispute_of("sess_1", dispute_status::lost), "2026-01-05T00:00:00Z") == key);
    const auto order = at.get("ORD-1");
    REQUIRE(order.disputes.size() == 1);
    CHECK(order.disputes[0].status == dispute_status::lost);
    const auto kinds = at.kinds("ORD-1");
    CHECK(kinds.ends_with("payment_recorded dispute_recorded dispute_recorded"));
}

TEST_CASE("disputes: one finds its order later, by an event of its own or by the same once more") {
    recorded_orders at;
    const auto first = dispute_of("sess_1", dispute_status::pending);
    CHECK_FALSE(record(at, first, "2026-01-03T00:00:00Z"));
    at.paid_order("ORD-1", "sess_1");
    CHECK(at.get("ORD-1").disputes.empty());
    auto status = dispute_status::pending;
    SUBCASE("its own") {
        status = dispute_status::won;
        CHECK(record(at, dispute_of("sess_1", status), "2026-01-04T00:00:00Z"));
    }
    SUBCASE("the same") {
        CHECK(record(at, first, "2026-01-03T00:00:00Z"));
    }
    SUBCASE("an older one") {
        CHECK(record(at, dispute_of("sess_1", dispute_status::unknown), "2026-01-02T00:00:00Z"));
    }
    const auto order = at.get("ORD-1");
    REQUIRE(order.disputes.size() == 1);
    CHECK(order.disputes[0].status == status);
    CHECK(at.events("ORD-1").back().kind == "dispute_recorded");
}

TEST_CASE("disputes: nothing of one is deleted") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    record(at, dispute_of("sess_1", dispute_status::pending), "2026-01-03T00:00:00Z");
    const std::string deletion = "delete from checkout.disputes";
    CHECK(at.server.superuser().run(deletion).sqlstate == "23001");
    CHECK(at.server.service().run(deletion).sqlstate == "42501");
}
