#include "storage/refund_store.h"

#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* restrict_violation = "23001";

decimal amount(const std::string& text) {
    return decimal::parse(text).value();
}

instant in_an_hour() {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()) + 1h;
}

/// Of the order that paid session `session` (recorded_orders.h).
refund_facts refund_of(const std::string& session, const std::string& id, refund_status status,
                       const std::string& given_back = "10") {
    refund_facts facts;
    facts.refund_id = clink_refund_id(id);
    facts.order_id = clink_order_id("order_" + session);
    facts.status = status;
    facts.refund_merchant_order_id = "refund-7";
    facts.amount = amount(given_back);
    facts.currency = "USD";
    facts.reason = "Duplicate payment";
    facts.create_time = parse_rfc3339("2026-01-02T03:04:05.678901Z");
    return facts;
}

/// Settles it with the order as it is now, to be asked about again at `next`.
bool settle(recorded_orders& at, const std::string& order, const refund_facts& facts,
            std::optional<instant> next = std::nullopt) {
    auto change = settle_refund(at.get(order), facts, evidence::webhook);
    change.next_check = next;
    return at.apply(order, change);
}

bool record_stray(recorded_orders& at, const refund_facts& facts,
                  std::optional<instant> next = in_an_hour()) {
    return await_result(at.refunds.record_stray(facts, evidence::sweeper, next, "request-refund"));
}

std::string column(recorded_orders& at, const std::string& expression, const std::string& id) {
    return at.server.superuser().value(
        "select (" + expression + ")::text from checkout.refunds where clink_refund_id = '" + id + "'");
}

std::vector<std::string> claim(recorded_orders& at, int limit, std::chrono::seconds lease = 60s) {
    std::vector<std::string> ids;
    for (const auto& due : await_result(at.refunds.claim(limit, lease)))
        ids.push_back(due.clink_id.str());
    std::ranges::sort(ids);
    return ids;
}

} // namespace

TEST_CASE("refund store: a refund is written with its order, its payment and its event") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    const auto before = at.get("ORD-1");
    const auto facts = refund_of("sess_1", "rfd_1", refund_status::success);
    REQUIRE(settle(at, "ORD-1", facts));

    const auto order = at.get("ORD-1");
    CHECK(order.version == before.version + 1);
    CHECK(order.state == order_state::partially_refunded);
    CHECK(order.refund_count == 1);
    CHECK(order.payment_count == 1);
    CHECK(order.payments.at(0).refunded_amount == amount("10"));
    REQUIRE(order.refunds.size() == 1);
    const auto& refund = order.refunds[0];
    CHECK(refund.clink_id == facts.refund_id);
    CHECK(refund.order_id == facts.order_id);
    CHECK(refund.payment == order.payments[0].id);
    CHECK(refund.refund_merchant_order_id == "refund-7");
    CHECK(refund.status == refund_status::success);
    CHECK(refund.amount == facts.amount);
    CHECK(refund.currency == "USD");
    CHECK(refund.reason == "Duplicate payment");
    CHECK(refund.refund_time == facts.create_time);
    CHECK(refund.found_by == evidence::webhook);
    CHECK_FALSE(refund.failure_code);
    CHECK(at.events("ORD-1").back().kind == "refund_recorded");
    CHECK(await_result(at.orders.find_order_of(facts.order_id))->id == merchant_order_id("ORD-1"));
    CHECK(at.count_discrepancies() == 0);
}

TEST_CASE("refund store: a refund grows up in one row, and counts when it succeeded") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    for (const auto status : {refund_status::created, refund_status::refunding, refund_status::received}) {
        REQUIRE(settle(at, "ORD-1", refund_of("sess_1", "rfd_1", status, "49.90"), in_an_hour()));
        const auto order = at.get("ORD-1");
        CHECK(order.state == order_state::paid);
        CHECK(order.refunds.at(0).status == status);
        CHECK(order.payments.at(0).refunded_amount.is_zero());
    }
    const auto first = at.get("ORD-1").refunds.at(0);
    REQUIRE(settle(at, "ORD-1", refund_of("sess_1", "rfd_1", refund_status::success, "49.90")));
    const auto order = at.get("ORD-1");
    CHECK(order.state == order_state::refunded);
    CHECK(order.refund_count == 1);
    REQUIRE(order.refunds.size() == 1);
    CHECK(order.refunds[0].id == first.id);
    CHECK(order.refunds[0].recorded_at == first.recorded_at);
    CHECK(column(at, "next_check_at is null", "rfd_1") == "true");
    CHECK_FALSE(settle_refund(order, refund_of("sess_1", "rfd_1", refund_status::refunding, "49.90"),
                              evidence::webhook)
                    .changes());
}

TEST_CASE("refund store: refunds of a payment add up, and one that failed does not count") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    REQUIRE(settle(at, "ORD-1", refund_of("sess_1", "rfd_1", refund_status::success, "10")));
    auto failed = refund_of("sess_1", "rfd_2", refund_status::failed, "20");
    failed.failure_code = "already_refunded";
    REQUIRE(settle(at, "ORD-1", failed));
    REQUIRE(settle(at, "ORD-1", refund_of("sess_1", "rfd_3", refund_status::success, "39.90")));
    const auto order = at.get("ORD-1");
    CHECK(order.state == order_state::refunded);
    CHECK(order.refund_count == 3);
    CHECK(order.payments.at(0).refunded_amount == amount("49.90"));
    CHECK(order.refunds.at(1).failure_code == "already_refunded");
}

TEST_CASE("refund store: of settlements of one refund made on one view, one is written") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    const auto seen = at.get("ORD-1");
    const auto change =
        settle_refund(seen, refund_of("sess_1", "rfd_1", refund_status::success), evidence::webhook);
    std::vector<boost::asio::awaitable<bool>> callers;
    for (int i = 0; i < 8; ++i)
        callers.push_back(
            at.settlements.apply(seen.key, seen.version, change, {.clink_body = "", .request_id = "r"}));
    const auto results = await_all(std::move(callers));
    CHECK(std::ranges::count(results, true) == 1);
    CHECK(at.get("ORD-1").refund_count == 1);
    CHECK(at.get("ORD-1").payments.at(0).refunded_amount == amount("10"));
}

TEST_CASE("refund store: a refund that succeeded learns what it lacked, and never anything else") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    auto facts = refund_of("sess_1", "rfd_1", refund_status::success);
    facts.amount.reset();
    facts.currency.reset();
    REQUIRE(settle(at, "ORD-1", facts));
    CHECK(at.get("ORD-1").payments.at(0).refunded_amount.is_zero());
    REQUIRE(settle(at, "ORD-1", refund_of("sess_1", "rfd_1", refund_status::success, "10")));
    CHECK(at.get("ORD-1").refunds.at(0).amount == amount("10"));
    CHECK(at.get("ORD-1").payments.at(0).refunded_amount == amount("10"));
    const auto order = at.get("ORD-1");
    CHECK_FALSE(
        settle_refund(order, refund_of("sess_1", "rfd_1", refund_status::success, "20"), evidence::webhook)
            .changes());
}

TEST_CASE("refund store: a refund whose payment is not known is shown, and counted when the payment comes") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    REQUIRE(settle(at, "ORD-1", refund_of("sess_1", "rfd_1", refund_status::success, "49.90"), in_an_hour()));
    auto order = at.get("ORD-1");
    CHECK(order.state == order_state::unpaid);
    CHECK(order.refund_count == 1);
    CHECK_FALSE(order.refunds.at(0).payment);
    CHECK(at.discrepancy(discrepancy_kind::refund_without_payment).order_id == merchant_order_id("ORD-1"));

    REQUIRE(at.apply("ORD-1", at.settle_as("ORD-1", "sess_1", say_paid("sess_1"))));
    order = at.get("ORD-1");
    CHECK(order.state == order_state::refunded);
    CHECK(order.payments.at(0).refunded_amount == amount("49.90"));
    CHECK(order.refunds.at(0).payment == order.payments[0].id);
    CHECK(at.discrepancy(discrepancy_kind::refund_without_payment, "resolved").resolved_by == "service");
}

TEST_CASE("refund store: a stray refund is kept and shown without an order") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    CHECK(record_stray(at, refund_of("sess_9", "rfd_1", refund_status::created)));
    CHECK(at.get("ORD-1").refunds.empty());
    const auto shown = at.discrepancy(discrepancy_kind::refund_without_payment);
    CHECK_FALSE(shown.order_id);
    CHECK(shown.found.detail
          == std::vector<std::pair<std::string, std::string>>{{"refundId", "rfd_1"},
                                                              {"clinkOrderId", "order_sess_9"}});
    CHECK_FALSE(await_result(at.orders.find_order_of(clink_order_id("order_sess_9"))));
}

TEST_CASE("refund store: a stray refund takes up what is new, its next check above all") {
    recorded_orders at;
    record_stray(at, refund_of("sess_9", "rfd_1", refund_status::created), in_an_hour());
    const auto next = in_an_hour() + 24h;
    const auto is_next = "next_check_at = '" + to_rfc3339_micros(next) + "'";
    CHECK(record_stray(at, refund_of("sess_9", "rfd_1", refund_status::success), next));
    CHECK(column(at, "status", "rfd_1") == "success");
    CHECK(column(at, is_next, "rfd_1") == "true");

    auto late = refund_of("sess_9", "rfd_1", refund_status::refunding);
    late.amount.reset();
    CHECK(record_stray(at, late, std::nullopt));
    CHECK(column(at, "status || ' ' || amount", "rfd_1") == "success 10");
    CHECK_MESSAGE(column(at, "next_check_at is null", "rfd_1") == "true", "it is not asked about for ever");
    CHECK(at.count_discrepancies() == 1);
}

TEST_CASE("refund store: a stray refund finds its order, and its discrepancy ends") {
    recorded_orders at;
    record_stray(at, refund_of("sess_1", "rfd_1", refund_status::success));
    at.paid_order("ORD-1", "sess_1");
    auto facts = refund_of("sess_1", "rfd_1", refund_status::success);
    SUBCASE("said in full again") {}
    SUBCASE("said without its amount") {
        facts.amount.reset();
    }
    REQUIRE(settle(at, "ORD-1", facts));
    const auto order = at.get("ORD-1");
    REQUIRE(order.refunds.size() == 1);
    CHECK(order.refunds[0].payment == order.payments.at(0).id);
    CHECK(order.refunds[0].amount == amount("10"));
    CHECK(at.discrepancy(discrepancy_kind::refund_without_payment, "resolved").subject == "refund:rfd_1");

    CHECK_FALSE_MESSAGE(record_stray(at, facts), "it is no stray any more");
    CHECK(at.get("ORD-1").refunds.at(0).payment == order.payments[0].id);
    CHECK(at.discrepancy(discrepancy_kind::refund_without_payment, "resolved").subject == "refund:rfd_1");
}

TEST_CASE("refund store: refunds that are due are claimed under a lease, skipping what others hold") {
    recorded_orders at;
    for (const std::string id : {"rfd_1", "rfd_2", "rfd_3"})
        record_stray(at, refund_of("sess_9", id, refund_status::refunding));
    record_stray(at, refund_of("sess_9", "rfd_over", refund_status::failed), std::nullopt);
    CHECK(claim(at, 10).empty());
    at.server.superuser().value(
        "update checkout.refunds set next_check_at = now() - refund_id * interval '1 s'"
        " where next_check_at is not null");
    CHECK_MESSAGE(claim(at, 1) == std::vector<std::string>{"rfd_3"}, "the longest due first");
    REQUIRE(at.server.superuser()
                .run("begin; select 1 from checkout.refunds where clink_refund_id = 'rfd_2' for update")
                .done());
    CHECK(claim(at, 10, 0s) == std::vector<std::string>{"rfd_1"});
    REQUIRE(at.server.superuser().run("commit").done());
    CHECK(claim(at, 10) == std::vector<std::string>{"rfd_1", "rfd_2"});
    CHECK(claim(at, 10).empty());
    CHECK(column(at, "check_count", "rfd_1") == "2");
}

TEST_CASE("refund store: a refund that is claimed says since when it is known, and can be put off") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    REQUIRE(settle(at, "ORD-1", refund_of("sess_1", "rfd_1", refund_status::refunding), in_an_hour() - 2h));
    const auto claimed = await_result(at.refunds.claim(10, 60s));
    REQUIRE(claimed.size() == 1);
    CHECK(claimed[0].recorded_at == at.get("ORD-1").refunds.at(0).recorded_at);
    CHECK(claimed[0].read_at >= claimed[0].recorded_at);
    CHECK(await_result(at.refunds.postpone(claimed[0].clink_id, in_an_hour())));
    CHECK(column(at, "next_check_at > now() + interval '59 minutes'", "rfd_1") == "true");
    CHECK(await_result(at.refunds.postpone(claimed[0].clink_id, std::nullopt)));
    CHECK(column(at, "next_check_at is null", "rfd_1") == "true");
    CHECK_FALSE(await_result(at.refunds.postpone(clink_refund_id("rfd_9"), in_an_hour())));
}

TEST_CASE(
    "refund store: an answer that changes nothing plans the next question and shows what is wrong, once") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    REQUIRE(settle(at, "ORD-1", refund_of("sess_1", "rfd_1", refund_status::success)));
    const auto order = at.get("ORD-1");
    auto seen = settle_refund(order, refund_of("sess_1", "rfd_1", refund_status::failed), evidence::webhook);
    seen.next_check = in_an_hour();
    for (int i = 0; i < 2; ++i)
        CHECK(await_result(at.refunds.note_check(clink_refund_id("rfd_1"), order.key, seen, "request-1")));
    CHECK(column(at, "status", "rfd_1") == "success");
    CHECK(column(at, "next_check_at > now() + interval '59 minutes'", "rfd_1") == "true");
    CHECK(at.count_discrepancies() == 1);
    CHECK(at.discrepancy(discrepancy_kind::amount_mismatch).order_id->str() == "ORD-1");
    CHECK(at.get("ORD-1").version == order.version);
}

TEST_CASE("refund store: what is known of a refund never changes, and nothing of one is deleted") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    REQUIRE(settle(at, "ORD-1", refund_of("sess_1", "rfd_1", refund_status::success)));
    for (const std::string sql : {
             "update checkout.refunds set status = 'failed'",
             "update checkout.refunds set amount = 1",
             "update checkout.refunds set amount = null",
             "update checkout.refunds set currency = 'EUR'",
             "update checkout.refunds set clink_refund_id = 'rfd_2'",
             "update checkout.refunds set clink_order_id = 'order_2'",
             "update checkout.refunds set recorded_at = now() + interval '1 s'",
             "update checkout.refunds set payment_id = null",
             "update checkout.payments set refunded_amount = 9.99",
         }) {
        CHECK_MESSAGE(at.server.service().run(sql).sqlstate == restrict_violation, sql);
        CHECK_MESSAGE(at.server.superuser().run(sql).sqlstate == restrict_violation, sql);
    }
    const std::string deletion = "delete from checkout.refunds";
    CHECK(at.server.superuser().run(deletion).sqlstate == restrict_violation);
    CHECK(at.server.service().run(deletion).sqlstate == "42501");
}

TEST_CASE("refund store: how much Clink says was refunded of a payment only grows") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    const auto set = [&](const std::string& extent) {
        return at.server.service()
            .run("update checkout.payments set clink_refund_extent = '" + extent + "'")
            .sqlstate;
    };
    CHECK(set("partial") == "");
    CHECK(set("none") == restrict_violation);
    CHECK(set("full") == "");
    CHECK(set("partial") == restrict_violation);
    CHECK(set("none") == restrict_violation);
    CHECK(set("most") != "");
}
