#include "storage/webhook_store.h"

#include "crypto/digest.h"
#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr auto long_ago = "2026-01-02T03:04:05.678901Z";

received_webhook make_event(const std::string& id, const std::string& body = "{}") {
    return {.event_id = id,
            .type = "order.succeeded",
            .body = body,
            .signed_at = parse_rfc3339(long_ago).value(),
            .late = false,
            .answer = {},
            .request_id = "request-webhook"};
}

/// A first delivery, due at once.
kept_webhook keep_due(recorded_orders& at, const std::string& id) {
    return await_result(at.inbox.keep(make_event(id), 0s)).webhook;
}

std::string column(recorded_orders& at, const std::string& name, const std::string& id) {
    return at.server.superuser().value("select (" + name + ")::text from checkout.webhooks where event_id = '"
                                       + id + "'");
}

std::vector<std::string> ids_of(const std::vector<kept_webhook>& claimed) {
    std::vector<std::string> ids;
    for (const auto& webhook : claimed)
        ids.push_back(webhook.event_id);
    std::ranges::sort(ids);
    return ids;
}

std::vector<std::string> claim(recorded_orders& at, int limit, std::chrono::seconds lease = 60s) {
    return ids_of(await_result(at.inbox.claim(limit, lease)));
}

instant in_an_hour() {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()) + 1h;
}

} // namespace

TEST_CASE("webhook store: an event is kept once, byte for byte, and a duplicate changes only its count") {
    recorded_orders at;
    const auto body = "{\"id\": \"\xff\0\r\n\xc3\xa9\\u00e9\"}"s;
    auto event = make_event("event_1", body);
    event.answer = R"({"amount": 1.50})";
    event.late = true;
    const auto first = await_result(at.inbox.keep(event, 60s));
    CHECK(first.first);
    CHECK(first.answer == event.answer);
    CHECK(first.webhook.event_id == "event_1");
    CHECK(first.webhook.body == body);
    CHECK(first.webhook.late);
    CHECK(first.webhook.request_id == "request-webhook");
    CHECK(first.webhook.read_at == first.webhook.received_at);

    auto again = make_event("event_1", "another body");
    again.answer = "another answer";
    again.signed_at += 1s;
    const auto second = await_result(at.inbox.keep(again, 60s));
    CHECK_FALSE(second.first);
    CHECK(second.answer == event.answer);
    CHECK(column(at, "encode(body, 'hex')", "event_1") == to_hex(body));
    CHECK(column(at, "deliveries", "event_1") == "2");
    CHECK(column(at, "signed_at = '" + std::string(long_ago) + "'", "event_1") == "true");
    CHECK(column(at, "late", "event_1") == "true");
}

TEST_CASE("webhook store: of many deliveries of one event at once, one is the first") {
    recorded_orders at;
    std::vector<boost::asio::awaitable<kept_delivery>> deliveries;
    for (int i = 0; i < 16; ++i)
        deliveries.push_back(at.inbox.keep(make_event("event_1"), 60s));
    const auto results = await_all(std::move(deliveries));
    CHECK(std::ranges::count(results, true, &kept_delivery::first) == 1);
    CHECK(column(at, "deliveries", "event_1") == "16");
}

TEST_CASE("webhook store: an event whose type could not be read is kept all the same") {
    recorded_orders at;
    auto event = make_event("sha256:00ff", "not JSON");
    event.type.clear();
    CHECK(await_result(at.inbox.keep(event, 0s)).first);
    CHECK(column(at, "type is null", "sha256:00ff") == "true");
    const auto claimed = await_result(at.inbox.claim(10, 60s));
    REQUIRE(claimed.size() == 1);
    CHECK(claimed[0].body == "not JSON");
}

TEST_CASE("webhook store: whoever keeps an event has its lease to handle it, then anybody may claim it") {
    recorded_orders at;
    await_result(at.inbox.keep(make_event("event_1"), 3600s));
    CHECK(claim(at, 10).empty());
    CHECK(column(at, "next_try_at > now() + interval '59 minutes'", "event_1") == "true");
    at.server.superuser().value("update checkout.webhooks set next_try_at = now()");
    const auto claimed = await_result(at.inbox.claim(10, 60s));
    REQUIRE(claimed.size() == 1);
    CHECK(claimed[0].event_id == "event_1");
    CHECK(claimed[0].request_id == "request-webhook");
    CHECK(claimed[0].received_at <= claimed[0].read_at);
    CHECK(claim(at, 10).empty());
}

TEST_CASE("webhook store: a claim that is not followed by an end is due again when its lease is over") {
    recorded_orders at;
    keep_due(at, "event_1");
    CHECK(claim(at, 10, 0s).size() == 1);
    CHECK(claim(at, 10, 60s).size() == 1);
    CHECK(claim(at, 10, 60s).empty());
}

TEST_CASE(
    "webhook store: a claim that is given back is due at once, as often as it was, and done stays done") {
    recorded_orders at;
    const auto webhook = keep_due(at, "event_1");
    CHECK(claim(at, 10).size() == 1);
    CHECK(claim(at, 10).empty());
    CHECK(await_result(at.inbox.give_back(webhook.id)));
    CHECK(claim(at, 10).size() == 1);
    CHECK(column(at, "tries", "event_1") == "0");
    REQUIRE(await_result(at.inbox.finish(webhook, "", "settled", std::nullopt)));
    CHECK_FALSE(await_result(at.inbox.give_back(webhook.id)));
    CHECK(claim(at, 10).empty());
}

TEST_CASE("webhook store: the longest due are claimed first, as many as asked for") {
    recorded_orders at;
    for (const std::string age : {"2", "4", "1", "3"}) {
        keep_due(at, "event_" + age);
        at.server.superuser().value("update checkout.webhooks set next_try_at = now() - interval '" + age
                                    + " minutes' where event_id = 'event_" + age + "'");
    }
    CHECK(claim(at, 1) == std::vector<std::string>{"event_4"});
    CHECK(claim(at, 2) == std::vector<std::string>{"event_2", "event_3"});
    CHECK(claim(at, 2) == std::vector<std::string>{"event_1"});
}

TEST_CASE("webhook store: a claim skips what somebody else holds at this moment, and does not wait") {
    recorded_orders at;
    keep_due(at, "event_1");
    keep_due(at, "event_2");
    REQUIRE(at.server.superuser()
                .run("begin; select 1 from checkout.webhooks where event_id = 'event_1' for update")
                .done());
    CHECK(claim(at, 10) == std::vector<std::string>{"event_2"});
    REQUIRE(at.server.superuser().run("commit").done());
    CHECK(claim(at, 10) == std::vector<std::string>{"event_1"});
}

TEST_CASE("webhook store: claimers at the same time share the inbox without overlap") {
    recorded_orders at;
    constexpr int events = 40;
    for (int i = 0; i < events; ++i)
        keep_due(at, "event_" + std::to_string(i));
    std::multiset<std::string> claimed;
    for (int round = 0; round < 3; ++round) {
        std::vector<boost::asio::awaitable<std::vector<kept_webhook>>> claimers;
        for (int i = 0; i < 8; ++i)
            claimers.push_back(at.inbox.claim(10, 60s));
        for (const auto& share : await_all(std::move(claimers)))
            for (const auto& id : ids_of(share))
                claimed.insert(id);
    }
    CHECK(claimed.size() == events);
    CHECK(std::set<std::string>(claimed.begin(), claimed.end()).size() == events);
}

TEST_CASE("webhook store: done is final, whoever comes later") {
    recorded_orders at;
    const auto webhook = keep_due(at, "event_1");
    CHECK(await_result(at.inbox.finish(webhook, "order.succeeded", "settled", std::nullopt)));
    CHECK_FALSE(await_result(at.inbox.finish(webhook, "order.succeeded", "again", std::nullopt)));
    CHECK_FALSE(await_result(at.inbox.postpone(webhook.id, "late", in_an_hour())));
    CHECK_FALSE(await_result(at.inbox.park(webhook, "order.succeeded", "late", std::nullopt, in_an_hour())));
    CHECK(column(at, "state || ' ' || outcome || ' ' || tries", "event_1") == "done settled 1");
    CHECK(column(at, "handled_at is not null and next_try_at is null", "event_1") == "true");
    CHECK(claim(at, 10).empty());
    CHECK(at.count_discrepancies() == 0);
    CHECK_FALSE(await_result(at.inbox.keep(make_event("event_1"), 0s)).first);
    CHECK(claim(at, 10).empty());
}

TEST_CASE("webhook store: an event that is handled is an event of its order, if it has one") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    const auto webhook = keep_due(at, "event_1");
    REQUIRE(await_result(at.inbox.finish(webhook, "session.complete", "settled", at.get("ORD-1").key)));
    CHECK(at.kinds("ORD-1") == "attempt_created session_released webhook_handled");
    const auto handled = at.events("ORD-1").back();
    CHECK(handled.source == "webhook");
    CHECK(handled.request_id == "request-webhook");
    CHECK_FALSE(handled.attempt);
    for (const std::string fact : {"event_1", "session.complete", "settled"})
        CHECK(handled.data.find(fact) != std::string::npos);
    CHECK(handled.data.find(to_rfc3339(webhook.received_at)) != std::string::npos);

    REQUIRE(await_result(at.inbox.finish(keep_due(at, "event_2"), "invoice.paid", "none", std::nullopt)));
    CHECK(at.server.superuser().value("select count(*) from checkout.events where kind = 'webhook_handled'")
          == "1");
}

TEST_CASE("webhook store: an event to be tried again waits until then, and counts its tries") {
    recorded_orders at;
    const auto webhook = keep_due(at, "event_1");
    const auto next = in_an_hour();
    CHECK(await_result(at.inbox.postpone(webhook.id, "Clink did not answer", next)));
    CHECK(claim(at, 10).empty());
    CHECK(column(at, "next_try_at = '" + to_rfc3339_micros(next) + "'", "event_1") == "true");
    CHECK(column(at, "state || ' ' || tries", "event_1") == "received 1");
    CHECK(at.count_discrepancies() == 0);
}

TEST_CASE("webhook store: a parked event is shown, once, and stays so until it is explained") {
    recorded_orders at;
    const auto webhook = keep_due(at, "event_1");
    for (int i = 0; i < 2; ++i)
        CHECK(await_result(
            at.inbox.park(webhook, "order.succeeded", "unknown session", std::nullopt, in_an_hour())));
    CHECK(column(at, "state || ' ' || tries", "event_1") == "parked 2");
    CHECK(at.count_discrepancies() == 1);
    const auto orphan = at.discrepancy(discrepancy_kind::orphan_event);
    CHECK_FALSE(orphan.order_id);
    CHECK(orphan.found.detail
          == std::vector<std::pair<std::string, std::string>>{
              {"type", "order.succeeded"}, {"reason", "unknown session"}, {"eventId", "event_1"}});
    CHECK(claim(at, 10).empty());
    CHECK(await_result(at.inbox.park(webhook, "order.succeeded", "given up", std::nullopt, std::nullopt)));
    CHECK(column(at, "next_try_at is null", "event_1") == "true");

    // Clink says it once more: so does the service look once more.
    CHECK_FALSE(await_result(at.inbox.keep(make_event("event_1"), 0s)).first);
    CHECK(claim(at, 10).size() == 1);
    at.open_session("ORD-1", "sess_1");
    CHECK(await_result(at.inbox.finish(webhook, "order.succeeded", "settled", at.get("ORD-1").key)));
    const auto closed = at.discrepancy(discrepancy_kind::orphan_event, "resolved");
    CHECK(closed.found.id == orphan.found.id);
    CHECK(closed.resolution == "settled");
    CHECK(closed.resolved_by == "service");
    CHECK(closed.resolved_at.has_value());
    CHECK(at.count_discrepancies() == 1);
}

TEST_CASE("webhook store: an orphan of a known order is among that order's discrepancies and events") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    const auto key = at.get("ORD-1").key;
    const auto webhook = keep_due(at, "event_1");
    REQUIRE(
        await_result(at.inbox.park(webhook, "order.succeeded", "not confirmed by Clink", key, in_an_hour())));
    const auto open = await_result(at.discrepancies.list_open(key));
    REQUIRE(open.size() == 1);
    CHECK(open[0].kind == discrepancy_kind::orphan_event);

    REQUIRE(await_result(at.inbox.finish(webhook, "order.succeeded", "settled", key)));
    CHECK(await_result(at.discrepancies.list_open(key)).empty());
    CHECK(at.kinds("ORD-1")
          == "attempt_created session_released discrepancy_opened webhook_handled discrepancy_resolved");
}

TEST_CASE("webhook store: one orphan's end leaves the others open") {
    recorded_orders at;
    const auto first = keep_due(at, "event_1");
    const auto second = keep_due(at, "event_2");
    for (const auto& webhook : {first, second})
        REQUIRE(await_result(at.inbox.park(webhook, "", "not understood", std::nullopt, in_an_hour())));
    REQUIRE(await_result(at.inbox.finish(first, "", "explained", std::nullopt)));
    CHECK(at.discrepancy(discrepancy_kind::orphan_event).subject == "webhook:event_2");
    CHECK(at.discrepancy(discrepancy_kind::orphan_event, "resolved").subject == "webhook:event_1");
}

TEST_CASE("webhook store: what Clink sent never changes, and what is done stays done, whoever asks") {
    recorded_orders at;
    const auto webhook = keep_due(at, "event_1");
    REQUIRE(await_result(at.inbox.finish(webhook, "order.succeeded", "settled", std::nullopt)));
    for (const std::string assignment :
         {"event_id = 'event_2'", "body = 'x'", "signed_at = now()", "received_at = now() - interval '1 day'",
          "state = 'received', handled_at = null", "state = 'parked', handled_at = null"}) {
        const auto sql = "update checkout.webhooks set " + assignment;
        CHECK_MESSAGE(at.server.service().run(sql).sqlstate == "23001", sql);
        CHECK_MESSAGE(at.server.superuser().run(sql).sqlstate == "23001", sql);
    }
    for (const std::string assignment :
         {"handled_at = null", "next_try_at = now()", "state = 'lost'", "event_id = ''"}) {
        const auto sql = "update checkout.webhooks set " + assignment;
        CHECK_MESSAGE(!at.server.superuser().run(sql).done(), sql);
    }
    CHECK(at.server.service().run("delete from checkout.webhooks").sqlstate == "42501");
    CHECK(at.server.service().run("truncate checkout.webhooks").sqlstate == "42501");
}
