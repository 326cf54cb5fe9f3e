#include "domain/census.h"
#include "finance/certificate.h"
#include "order_builder.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace checkout;
using namespace checkout::test;

namespace {

/// A paid order of USD 49.90: Clink's order_1.
order_builder paid_order() {
    return order_builder().attempt(session_status::completed, payment_status::paid).payment();
}

order_facts row_of(const payment_record& payment, const std::string& reference = "ORD-1") {
    order_facts facts;
    facts.order_id = payment.order_id.value();
    facts.status = clink_order_status::success;
    facts.merchant_reference_id = reference;
    facts.amount_total = payment.amount_total;
    facts.payment_currency = payment.payment_currency;
    return facts;
}

/// Clink agrees on everything.
census_answers agreeing(const order_record& order) {
    census_answers said;
    said.listed = true;
    for (const auto& payment : order.payments)
        if (payment.order_id)
            said.orders.push_back(row_of(payment));
    return said;
}

/// "matched 49.9 USD", …
std::vector<std::string> lines(const order_census& census) {
    std::vector<std::string> list;
    for (const auto& line : census.lines)
        list.push_back(std::string(to_string(line.result)) + " " + line.amount.to_string() + " "
                       + line.currency.value_or("-"));
    return list;
}

/// "kind subject", …
std::vector<std::string> found(const order_census& census) {
    std::vector<std::string> list;
    for (const auto& draft : census.found)
        list.push_back(std::string(to_string(draft.kind)) + " " + draft.subject);
    return list;
}

bool explains(const order_census& census, discrepancy_kind kind, const std::string& subject) {
    return std::ranges::any_of(census.explained, [&](const discrepancy_closing& closing) {
        return closing.kind == kind && closing.subject == subject && !closing.resolution.empty();
    });
}

using list = std::vector<std::string>;

} // namespace

TEST_CASE("census: what agrees is matched, and what was amiss before is explained") {
    const auto order = paid_order().get();
    const auto census = take_census(order, agreeing(order));
    CHECK(lines(census) == list{"matched 49.9 USD"});
    CHECK(census.found.empty());
    CHECK(census.answered());
    for (const auto kind : {discrepancy_kind::missing_at_clink, discrepancy_kind::amount_mismatch,
                            discrepancy_kind::currency_mismatch, discrepancy_kind::reference_mismatch})
        CHECK(explains(census, kind, "payment:1"));
    CHECK(explains(census, discrepancy_kind::missing_at_clink, "attempt:" + order.sessions[0].id.str()));
    CHECK(explains(census, discrepancy_kind::refund_unrecorded, "refunds:order_1"));
}

TEST_CASE("census: an order without payments has no line") {
    const auto order = order_builder().attempt(session_status::expired).get();
    CHECK(take_census(order, agreeing(order)).lines.empty());
}

TEST_CASE("census: a further payment is a duplicate, a renewal is none") {
    auto order = paid_order().payment().payment().get();
    order.payments[1].kind = payment_kind::renewal;
    CHECK(lines(take_census(order, agreeing(order)))
          == list{"matched 49.9 USD", "matched 49.9 USD", "duplicate 49.9 USD"});
}

TEST_CASE("census: another amount, currency, reference or status differs, each under the payment's subject") {
    const auto order = paid_order().get();
    const struct {
        void (*damage)(order_facts&);
        discrepancy_kind kind;
    } cases[] = {
        {[](order_facts& f) { f.amount_total = decimal::parse("59.9"); }, discrepancy_kind::amount_mismatch},
        {[](order_facts& f) { f.payment_currency = "EUR"; }, discrepancy_kind::currency_mismatch},
        {[](order_facts& f) { f.merchant_reference_id = "ORD-2"; }, discrepancy_kind::reference_mismatch},
        {[](order_facts& f) { f.status = clink_order_status::failed; }, discrepancy_kind::missing_at_clink},
    };
    for (const auto& [damage, kind] : cases) {
        auto said = agreeing(order);
        damage(said.orders[0]);
        const auto census = take_census(order, said);
        CHECK(lines(census) == list{"differing 49.9 USD"});
        CHECK(found(census) == list{std::string(to_string(kind)) + " payment:1"});
        CHECK(census.found[0].detail.at("clinkOrderId") == "order_1");
        CHECK_FALSE(explains(census, kind, "payment:1"));
    }
}

TEST_CASE("census: a reference that Clink leaves out is no other reference") {
    const auto order = paid_order().get();
    auto said = agreeing(order);
    said.orders[0].merchant_reference_id.reset();
    CHECK(lines(take_census(order, said)) == list{"matched 49.9 USD"});
}

TEST_CASE("census: only Clink's own word makes a payment or a session missing") {
    const auto order = paid_order().get();
    census_answers said;
    said.listed = true;
    CHECK(lines(take_census(order, said)) == list{"not_answered 49.9 USD"});
    CHECK(take_census(order, said).found.empty());
    CHECK_FALSE(take_census(order, said).answered());

    said.absent_orders.insert(clink_order_id("order_1"));
    said.absent_sessions.insert(clink_session_id("sess_1"));
    const auto census = take_census(order, said);
    CHECK(lines(census) == list{"missing 49.9 USD", "missing_session 0 -"});
    CHECK(found(census)
          == list{"missing_at_clink payment:1", "missing_at_clink attempt:" + order.sessions[0].id.str()});
    CHECK(census.answered());
}

TEST_CASE("census: a session, a list or an amount that is not told is not answered") {
    const auto order = paid_order().get();
    auto said = agreeing(order);
    said.silent_sessions.insert(clink_session_id("sess_1"));
    CHECK(lines(take_census(order, said)) == list{"matched 49.9 USD", "not_answered 0 -"});
    said = agreeing(order);
    said.listed = false;
    CHECK_FALSE(take_census(order, said).answered());
    said = agreeing(order);
    said.orders[0].amount_total.reset();
    CHECK(lines(take_census(order, said)) == list{"not_answered 49.9 USD"});
    auto nameless = order;
    nameless.payments[0].order_id.reset();
    CHECK_FALSE(take_census(nameless, agreeing(order)).answered());
}

TEST_CASE(
    "census: a paid order of Clink's that is not on record is unknown to us, an unpaid one is nothing") {
    const auto order = paid_order().get();
    auto said = agreeing(order);
    auto row = said.orders[0];
    row.order_id = clink_order_id("order_9");
    row.amount_total = decimal::parse("5");
    said.orders.push_back(row);
    row.order_id = clink_order_id("order_10");
    row.status = clink_order_status::failed;
    said.orders.push_back(row);
    CHECK(lines(take_census(order, said)) == list{"matched 49.9 USD", "unknown 5 USD"});
}

TEST_CASE("census: what Clink says was given back is on record, or shown") {
    auto order = paid_order().get();
    auto said = agreeing(order);
    const auto shows = [&](clink_order_status status, const char* recorded) {
        said.orders[0].status = status;
        order.payments[0].refunded_amount = decimal::parse(recorded).value();
        const auto census = take_census(order, said);
        CHECK(lines(census)[0] == "matched 49.9 USD");
        return found(census) == list{"refund_unrecorded refunds:order_1"};
    };
    CHECK(shows(clink_order_status::refunded, "0"));
    CHECK(shows(clink_order_status::refunded, "49.89"));
    CHECK_FALSE(shows(clink_order_status::refunded, "49.9"));
    CHECK(shows(clink_order_status::partially_refunded, "0"));
    CHECK_FALSE(shows(clink_order_status::partially_refunded, "10"));
    CHECK_FALSE(shows(clink_order_status::success, "10"));
}

TEST_CASE("certificate: text and JSON have one content") {
    census_sums sums;
    sums.orders = 3;
    sums.sessions = 4;
    sums.now = noon;
    sums.lines = {{census_result::matched, "JPY", 1, "500"}, {census_result::matched, "USD", 2, "99.8"}};
    const census_scope scope{.from = noon - std::chrono::hours(24), .to = noon, .whole_list = false};
    const census_record record{.id = {}, .taken_up = false, .started_at = noon, .order_count = 3};
    auto certificate = write_certificate(scope, record, sums);
    CHECK(certificate.find(R"("matched":[{"currency":"JPY","count":1,"amount":"500"},)"
                           R"({"currency":"USD","count":2,"amount":"99.80"}])")
          != std::string::npos);
    CHECK(is_clean(certificate));
    const auto text = describe_certificate(certificate);
    CHECK(text.find("  JPY  1  worth 500\n  USD  2  worth 99.80\n") != std::string::npos);
    CHECK(text.find("missing at Clink: none") != std::string::npos);

    sums.lines.push_back({census_result::not_answered, {}, 1, "0"});
    certificate = write_certificate(scope, record, sums);
    CHECK_FALSE(is_clean(certificate));
    sums.lines.pop_back();
    sums.open_discrepancies = 1;
    CHECK_FALSE(is_clean(write_certificate(scope, record, sums)));
}
