#include "domain/explain.h"

#include "order_builder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

discrepancy_record found(discrepancy_kind kind,
                         std::vector<std::pair<std::string, std::string>> detail = {}) {
    return {.id = 7, .kind = kind, .opened_at = noon - 3min, .detail = std::move(detail)};
}

constexpr discrepancy_kind every_kind[] = {
    discrepancy_kind::duplicate_payment,     discrepancy_kind::amount_mismatch,
    discrepancy_kind::currency_mismatch,     discrepancy_kind::paid_after_expiry,
    discrepancy_kind::paid_after_cancel,     discrepancy_kind::paid_on_superseded,
    discrepancy_kind::paid_on_dark_session,  discrepancy_kind::reference_mismatch,
    discrepancy_kind::orphan_event,          discrepancy_kind::stuck_unknown,
    discrepancy_kind::refund_without_payment};

} // namespace

TEST_CASE("explain: every kind of discrepancy has words of its own, its name, and its date") {
    const auto order = order_builder().attempt(session_status::open).get();
    std::set<std::string> sentences;
    for (const auto kind : every_kind) {
        const auto sentence = explain_discrepancy(found(kind));
        const auto name = std::string(to_string(kind));
        CHECK(sentence.find(name) != std::string::npos);
        CHECK(sentence.find(to_rfc3339(noon - 3min)) != std::string::npos);
        CHECK(sentence.ends_with("."));
        sentences.insert(sentence.substr(sentence.find(name) + name.size()));
        const auto told = explain(order, {found(kind)}, unreleased_ids::shown).sentences;
        CHECK(std::ranges::count(told, sentence) == 1);
    }
    CHECK(sentences.size() == std::size(every_kind));
}

TEST_CASE("explain: a discrepancy names what it is about") {
    const auto sentence = [](discrepancy_kind kind, std::vector<std::pair<std::string, std::string>> detail) {
        return explain_discrepancy(found(kind, std::move(detail)));
    };
    const auto holds = [](const std::string& text, const std::vector<std::string>& facts) {
        return std::ranges::all_of(
            facts, [&](const std::string& fact) { return text.find(fact) != std::string::npos; });
    };
    using enum discrepancy_kind;
    CHECK(holds(sentence(duplicate_payment, {{"payments", "3"}}), {"3 times"}));
    CHECK(holds(sentence(amount_mismatch, {{"asked", "49.9 USD"}, {"paid", "4990 USD"}, {"verdict", "over"}}),
                {"49.90 USD", "4990.00 USD"}));
    CHECK(holds(sentence(amount_mismatch, {{"asked", "500 JPY"}, {"paid", "unknown ?"}}),
                {"500 JPY", "unknown"}));
    CHECK(
        holds(sentence(amount_mismatch, {{"field", "originalAmount"}, {"asked", "49.9"}, {"echoed", "4990"}}),
              {"49.9", "4990"}));
    CHECK(holds(sentence(amount_mismatch, {{"refundId", "rfd_1"}, {"clinkOrderId", "order_1"}}),
                {"rfd_1", "order_1"}));
    CHECK(holds(sentence(currency_mismatch, {{"asked", "49.9 USD"}, {"paid", "49.9 EUR"}}),
                {"49.90 USD", "49.90 EUR"}));
    CHECK(holds(sentence(amount_mismatch,
                         {{"refundId", "rfd_1"}, {"clinkOrderId", "order_1"}, {"clinkStatus", "failed"}}),
                {"rfd_1", "order_1", "failed", "Ask Clink"}));
    CHECK(holds(sentence(currency_mismatch, {{"refundId", "rfd_1"}, {"clinkOrderId", "order_1"}}),
                {"rfd_1", "order_1"}));
    CHECK(holds(sentence(reference_mismatch, {{"clinkOrderId", "order_1"}}), {"order_1"}));
    CHECK(holds(sentence(orphan_event, {{"clinkOrderId", "order_1"}}), {"order_1"}));
    CHECK(holds(sentence(orphan_event, {{"eventId", "event_1"}, {"type", "refund.created"}}),
                {"event_1", "refund.created"}));
    CHECK(holds(sentence(refund_without_payment, {{"refundId", "rfd_1"}, {"clinkOrderId", "order_1"}}),
                {"rfd_1", "order_1"}));
}
