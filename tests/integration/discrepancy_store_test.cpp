#include "storage/discrepancy_store.h"

#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;

namespace {

discrepancy_draft orphan(const std::string& subject, const std::string& why = "because") {
    return {.kind = discrepancy_kind::orphan_event,
            .subject = subject,
            .attempt = {},
            .detail = {{"reason", why}}};
}

bool open(recorded_orders& at, const std::string& order, const discrepancy_draft& draft) {
    return await_result(at.discrepancies.open(at.get(order).key, draft, evidence::sweeper, "request-open"));
}

/// As a settlement that explains it.
void close(recorded_orders& at, const std::string& order, const std::string& subject) {
    const auto seen = at.get(order);
    settlement change;
    change.attempt = seen.sessions.at(0).id;
    change.asked_session = false;
    change.state = seen.state;
    change.closings.push_back({.kind = discrepancy_kind::orphan_event,
                               .attempt = {},
                               .subject = subject,
                               .resolution = "explained"});
    REQUIRE(at.apply(order, change));
}

std::vector<std::string> subjects(recorded_orders& at, discrepancy_query query) {
    std::vector<std::string> found;
    const auto page = await_result(at.discrepancies.list(std::move(query)));
    for (const auto& line : page.lines)
        found.push_back(line.subject);
    return found;
}

constexpr auto until_opened = "attempt_created session_released discrepancy_opened";

} // namespace

TEST_CASE("discrepancy store: what is found again while it is open stays as it is") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    CHECK(open(at, "ORD-1", orphan("a", "first")));
    CHECK(open(at, "ORD-1", orphan("a", "second")));
    CHECK(at.count_discrepancies() == 1);
    CHECK(at.discrepancy(discrepancy_kind::orphan_event).found.detail.at(0).second == "first");
    CHECK(at.kinds("ORD-1") == until_opened);
}

TEST_CASE("discrepancy store: what was found without an order is that order's once it is found under it") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    at.server.superuser().value("insert into checkout.discrepancies (kind, subject, detail)"
                                " values ('orphan_event', 'a', '{}')");
    CHECK(open(at, "ORD-1", orphan("a", "second")));
    CHECK(open(at, "ORD-1", orphan("a", "third")));
    CHECK(at.count_discrepancies() == 1);
    const auto found = at.discrepancy(discrepancy_kind::orphan_event);
    REQUIRE(found.order_id);
    CHECK(found.order_id->str() == "ORD-1");
    CHECK(found.found.detail.at(0).second == "second");
    CHECK(at.kinds("ORD-1") == until_opened);
}

TEST_CASE("discrepancy store: what the service took for explained opens again when it is found again") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    open(at, "ORD-1", orphan("a", "first"));
    const auto first = at.discrepancy(discrepancy_kind::orphan_event);
    close(at, "ORD-1", "a");
    const auto closed = at.discrepancy(discrepancy_kind::orphan_event, "resolved");
    CHECK(closed.resolution == "explained");
    CHECK(closed.resolved_by == "service");
    CHECK(closed.resolved_at.has_value());
    CHECK(at.kinds("ORD-1") == std::string(until_opened) + " discrepancy_resolved");
    CHECK(await_result(at.discrepancies.list_open(at.get("ORD-1").key)).empty());

    open(at, "ORD-1", orphan("a", "second"));
    const auto again = at.discrepancy(discrepancy_kind::orphan_event);
    CHECK(again.found.id == first.found.id);
    CHECK(again.found.detail.at(0).second == "second");
    CHECK(again.order_id == merchant_order_id("ORD-1"));
    CHECK_FALSE(again.resolved_at);
    CHECK_FALSE(again.resolution);
    CHECK_FALSE(again.resolved_by);
    CHECK(at.kinds("ORD-1") == std::string(until_opened) + " discrepancy_resolved discrepancy_opened");
}

TEST_CASE("discrepancy store: what a person resolved stays resolved until the facts are others") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    open(at, "ORD-1", orphan("a"));
    const auto id = at.discrepancy(discrepancy_kind::orphan_event).found.id;
    const auto resolved = await_result(at.discrepancies.resolve({.id = id,
                                                                 .resolution = "accepted",
                                                                 .note = "by telephone",
                                                                 .actor = "service",
                                                                 .request_id = "r1"}));
    REQUIRE(resolved);
    CHECK(resolved->state == "resolved");
    CHECK(resolved->resolved_by == "service"); // a token of that name is a person all the same
    CHECK(resolved->note == "by telephone");
    const auto kinds = at.kinds("ORD-1");
    CHECK(kinds == std::string(until_opened) + " discrepancy_resolved");

    open(at, "ORD-1", orphan("a"));
    close(at, "ORD-1", "a");
    const auto again = await_result(at.discrepancies.resolve(
        {.id = id, .resolution = "other", .note = {}, .actor = "bob", .request_id = "r2"}));
    REQUIRE(again);
    CHECK(again->resolution == "accepted");
    CHECK(at.kinds("ORD-1") == kinds);

    open(at, "ORD-1", orphan("a", "again"));
    const auto line = at.discrepancy(discrepancy_kind::orphan_event, "open");
    CHECK(line.found.id == id);
    CHECK_FALSE(line.resolution);
    CHECK_FALSE(line.note);
    CHECK(at.kinds("ORD-1") == kinds + " discrepancy_opened");
    CHECK_FALSE(await_result(at.discrepancies.resolve(
        {.id = 999, .resolution = "x", .note = {}, .actor = "bob", .request_id = "r3"})));
}

TEST_CASE("discrepancy store: of many that find one thing at once, one opens it") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    const auto key = at.get("ORD-1").key;
    std::vector<boost::asio::awaitable<bool>> finders;
    for (int i = 0; i < 12; ++i)
        finders.push_back(at.discrepancies.open(key, orphan("a"), evidence::webhook, "r"));
    await_all(std::move(finders));
    CHECK(at.count_discrepancies() == 1);
    CHECK(at.kinds("ORD-1") == until_opened);
}

TEST_CASE("discrepancy store: the list is by age, filtered, page by page") {
    recorded_orders at;
    const auto session = at.open_session("ORD-1", "sess_1");
    at.open_session("ORD-2", "sess_2");
    open(at, "ORD-1", orphan("a"));
    open(at, "ORD-2", orphan("b"));
    open(at, "ORD-1", orphan("c"));
    REQUIRE(await_result(at.sweeps.mark_stuck(at.get("ORD-1").key, session.id)));
    close(at, "ORD-2", "b");
    const auto stuck = "attempt:" + session.id.str();

    using list = std::vector<std::string>;
    constexpr auto orphans = discrepancy_kind::orphan_event;
    CHECK(subjects(at, {}) == list{"a", "b", "c", stuck});
    CHECK(subjects(at, {.state = "open", .kind = {}}) == list{"a", "c", stuck});
    CHECK(subjects(at, {.state = "resolved", .kind = {}}) == list{"b"});
    CHECK(subjects(at, {.state = {}, .kind = orphans}) == list{"a", "b", "c"});
    CHECK(subjects(at, {.state = "open", .kind = orphans}) == list{"a", "c"});
    CHECK(subjects(at, {.state = {}, .kind = discrepancy_kind::amount_mismatch}).empty());

    const auto page =
        await_result(at.discrepancies.list({.state = {}, .kind = {}, .after = 0, .limit = 3})).lines;
    REQUIRE(page.size() == 3);
    const auto last = page.back().found.id;
    CHECK(subjects(at, {.state = {}, .kind = {}, .after = last, .limit = 3}) == list{stuck});
    CHECK(subjects(at, {.state = "open", .kind = orphans, .after = page[0].found.id}) == list{"c"});
}

TEST_CASE("discrepancy store: a line names the order, the attempt and its session") {
    recorded_orders at;
    const auto session = at.open_session("ORD-1", "sess_1");
    open(at, "ORD-1", orphan("a"));
    REQUIRE(await_result(at.sweeps.mark_stuck(at.get("ORD-1").key, session.id)));
    const auto stuck = at.discrepancy(discrepancy_kind::stuck_unknown);
    CHECK(stuck.state == "open");
    CHECK(stuck.order_id == merchant_order_id("ORD-1"));
    CHECK(stuck.attempt == 1);
    CHECK(stuck.session_id == clink_session_id("sess_1"));
    const auto alone = at.discrepancy(discrepancy_kind::orphan_event);
    CHECK(alone.order_id == merchant_order_id("ORD-1"));
    CHECK_FALSE(alone.attempt);
    CHECK_FALSE(alone.session_id);
}
