// Finance's pages and summary, against what the tables themselves say.
#include "storage/report_store.h"

#include "support/finance_record.h"
#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

using namespace checkout;
using namespace checkout::test;

namespace {

using ids = std::vector<std::string>;

ids first_column(sql_connection& database, const std::string& sql) {
    ids found;
    for (const auto& row : database.run(sql).rows)
        found.push_back(row.at(0).value());
    return found;
}

/// All pages of that size after each other, by the rows' own ids.
ids page_through(recorded_orders& at, const report_query& query, int limit) {
    ids found;
    std::optional<report_position> after;
    while (true) {
        const auto page = await_result(at.reports.read_page(query, after, limit));
        REQUIRE(page.rows.size() == page.places.size());
        REQUIRE(page.rows.size() <= static_cast<std::size_t>(limit));
        REQUIRE(found.size() < 10'000); // a page that does not go on would go on for ever
        for (const auto& place : page.places)
            found.push_back(place.id);
        if (page.places.size() < static_cast<std::size_t>(limit))
            return found;
        after = page.places.back();
    }
}

/// A list as the tables have it.
struct expectation {
    report_query query;
    std::string sql; ///< of the ids, in order
};

const std::string payment_ids = "select payment_id from checkout.payments ";
const std::string session_ids = "select attempt_id from checkout.sessions ";
const std::string refund_ids = "select refund_id from checkout.refunds ";
const std::string by_record = " order by recorded_at, payment_id";
const std::string by_creation = " order by created_at, attempt_id";
const std::string by_refund = " order by recorded_at, refund_id";

struct filters {
    report_name report;
    report_axis axis = report_axis::recorded;
    std::optional<std::string> from = {};
    std::optional<std::string> to = {};
    std::optional<std::string> currency = {};
    std::optional<std::string> state = {};
    std::optional<std::string> payment_status = {};
};

report_query with(const filters& wanted) {
    auto query = query_of(wanted.report);
    query.axis = wanted.axis;
    if (wanted.from)
        query.from = parse_rfc3339(*wanted.from).value();
    if (wanted.to)
        query.to = parse_rfc3339(*wanted.to).value();
    query.currency = wanted.currency;
    query.state = wanted.state;
    query.payment_status = wanted.payment_status;
    return query;
}

/// Some of the rows, but not all.
void check_filtered(recorded_orders& at, const filters& wanted, const std::string& sql) {
    CAPTURE(sql);
    const auto expected = first_column(at.server.superuser(), sql);
    REQUIRE_FALSE(expected.empty());
    REQUIRE(expected.size() < page_through(at, query_of(wanted.report), 1000).size());
    CHECK(page_through(at, with(wanted), 10) == expected);
}

/// Counts and sums, as text that can be compared; amounts by their values.
struct sums {
    std::int64_t count = 0;
    std::map<std::string, decimal> amounts;

    void add(const std::string& name, std::optional<std::string_view> amount) {
        if (!amount || *amount == "null")
            return;
        auto& sum = amounts[name];
        sum = decimal::add(sum, decimal::parse(*amount).value()).value();
    }
    bool operator==(const sums&) const = default;
};

/// By day, entry, currency, original currency, state and payment status.
using sums_by_key = std::map<std::vector<std::string>, sums>;

struct summed_report {
    report_name report;
    std::string entry, currency, original_currency, state, payment_status; ///< columns
    std::string amount, original_amount, refunded_amount;                  ///< likewise
};

const std::vector<summed_report> summed{
    {report_name::sessions, "", "originalCurrency", "originalCurrency", "status", "paymentStatus",
     "originalAmount", "originalAmount", ""},
    {report_name::payments, "kind", "paymentCurrency", "originalCurrency", "verdict", "", "amountTotal",
     "originalAmount", "refundedAmount"},
    {report_name::refunds, "", "refundCurrency", "", "status", "", "refundAmount", "", ""},
};

/// What the lines of the lists add up to, by day and over all.
sums_by_key add_up(recorded_orders& at, const std::optional<std::string>& from,
                   const std::optional<std::string>& to) {
    sums_by_key found;
    for (const auto& one : summed) {
        filters range{.report = one.report};
        range.from = from;
        range.to = to;
        auto page = await_result(at.reports.read_page(with(range), std::nullopt, 1000));
        for (std::size_t i = 0; i < page.rows.size(); ++i) {
            const auto column = [&](const std::string& name) {
                return name.empty() ? "null" : cell_of(one.report, page.rows, i, name);
            };
            const auto entry = one.entry.empty()
                                   ? std::string(one.report == report_name::sessions ? "session" : "refund")
                                   : column(one.entry);
            const auto day = std::string(page.rows.row(i)[0].value().substr(0, 10));
            for (const auto& key_day : {day, std::string("all")}) {
                auto& sum = found[{key_day, entry, column(one.currency), column(one.original_currency),
                                   column(one.state), column(one.payment_status)}];
                ++sum.count;
                sum.add("amount", column(one.amount));
                sum.add("original", column(one.original_amount));
                sum.add("refunded", column(one.refunded_amount));
            }
        }
    }
    return found;
}

sums_by_key take_summary(const summary& from) {
    sums_by_key found;
    for (const auto& line : from.lines) {
        auto& sum = found[{line.day.value_or("all"), line.entry, line.currency.value_or("null"),
                           line.original_currency.value_or("null"), line.state,
                           line.payment_status.value_or("null")}];
        CHECK_MESSAGE(sum.count == 0, "a line is there once");
        sum.count = line.count;
        sum.add("amount", line.amount);
        sum.add("original", line.original_amount);
        sum.add("refunded", line.refunded_amount);
    }
    return found;
}

} // namespace

TEST_CASE("report store: pages give every row once, in the order of time and id, whatever their size") {
    recorded_orders at;
    record_finance(at.server.superuser(), 1, 60);
    auto by_payment = query_of(report_name::payments);
    by_payment.axis = report_axis::payment_time;
    for (const auto& [query, sql] : std::vector<expectation>{
             {query_of(report_name::payments), payment_ids + by_record},
             {by_payment, payment_ids + "where payment_time is not null order by payment_time, payment_id"},
             {query_of(report_name::sessions), session_ids + by_creation},
             {query_of(report_name::refunds), refund_ids + by_refund}}) {
        CAPTURE(sql);
        const auto expected = first_column(at.server.superuser(), sql);
        REQUIRE(expected.size() >= 15);
        for (const int limit : {1, 7, 15, 1000})
            CHECK(page_through(at, query, limit) == expected);
    }
    const auto page = await_result(at.reports.read_page(by_payment, std::nullopt, 1));
    CHECK(at.server.superuser().value("select min(payment_time) = '" + to_rfc3339_micros(page.places.at(0).at)
                                      + "' from checkout.payments")
          == "t");
    CHECK(at.server.superuser().value("select complete_to = '" + to_rfc3339_micros(page.as_of)
                                      + "' from checkout.feed_head")
          == "t");
}

TEST_CASE("report store: filters take what they name, and a range has its start and not its end") {
    recorded_orders at;
    record_finance(at.server.superuser(), 1, 100);
    const std::string tie = "2026-11-20T23:45:00.123456Z"; // seven rows of each list have it
    const std::string later = "2026-11-21T00:00:00.123456Z";
    using enum report_name;
    check_filtered(at, {.report = payments, .from = tie, .to = later},
                   payment_ids + "where recorded_at >= '" + tie + "' and recorded_at < '" + later + "'"
                       + by_record);
    check_filtered(at, {.report = payments, .from = later},
                   payment_ids + "where recorded_at >= '" + later + "'" + by_record);
    check_filtered(at, {.report = payments, .to = "2026-11-21T00:45:00.123457+01:00"},
                   payment_ids + "where recorded_at <= '" + tie + "'" + by_record);
    check_filtered(at, {.report = payments, .currency = "JPY"},
                   payment_ids + "where original_currency = 'JPY'" + by_record);
    check_filtered(at, {.report = payments, .state = "unknown"},
                   payment_ids + "where verdict = 'unknown'" + by_record);
    check_filtered(at, {.report = payments, .from = tie, .currency = "USD", .state = "converted"},
                   payment_ids + "where recorded_at >= '" + tie
                       + "' and original_currency = 'USD' and verdict = 'converted'" + by_record);
    const std::string noon = "2026-11-20T10:00:00Z";
    const std::string by_payment = " order by payment_time, payment_id";
    check_filtered(at, {.report = payments, .axis = report_axis::payment_time, .from = noon},
                   payment_ids + "where payment_time >= '" + noon + "'" + by_payment);
    check_filtered(at, {.report = payments, .axis = report_axis::payment_time, .to = noon},
                   payment_ids + "where payment_time < '" + noon + "'" + by_payment);
    check_filtered(at, {.report = sessions, .to = later, .state = "open"},
                   session_ids + "where created_at < '" + later + "' and status = 'open'" + by_creation);
    check_filtered(at, {.report = sessions, .currency = "EUR", .payment_status = "unpaid"},
                   session_ids + "where original_currency = 'EUR' and payment_status = 'unpaid'"
                       + by_creation);
    check_filtered(at, {.report = refunds, .from = tie, .state = "failed"},
                   refund_ids + "where recorded_at >= '" + tie + "' and status = 'failed'" + by_refund);
    CHECK(page_through(at, with({.report = refunds, .currency = "KWD"}), 10).empty());
    CHECK(page_through(at, with({.report = payments, .from = later, .to = tie}), 10).empty());
}

TEST_CASE("report store: rows that arrive while somebody pages shift nothing") {
    recorded_orders at;
    record_finance(at.server.superuser(), 1, 40);
    const auto expected = first_column(at.server.superuser(), payment_ids + by_record);
    const auto query = query_of(report_name::payments);
    ids seen;
    std::optional<report_position> after;
    for (int page_number = 1; page_number < 100; ++page_number) {
        const auto page = await_result(at.reports.read_page(query, after, 5));
        if (page.places.empty())
            break;
        for (const auto& place : page.places)
            seen.push_back(place.id);
        after = page.places.back();
        // Before the place, at it and after it.
        if (page_number <= 3)
            record_finance(at.server.superuser(), 1000 * page_number + 1, 1000 * page_number + 40);
    }
    ids old;
    std::ranges::copy_if(seen, std::back_inserter(old),
                         [&](const auto& id) { return std::ranges::count(expected, id) > 0; });
    CHECK(old == expected);
    std::ranges::sort(seen);
    CHECK(std::ranges::adjacent_find(seen) == seen.end());
    CHECK(seen.size() > expected.size());
}

TEST_CASE("report store: every column is what its name says") {
    recorded_orders at;
    record_finance(at.server.superuser(), 88, 88); // a refunded renewal, paid in another currency
    const auto read = [&](report_name report) {
        return await_result(at.reports.read_page(query_of(report), std::nullopt, 10)).rows;
    };
    auto payments = read(report_name::payments);
    REQUIRE(payments.size() == 1);
    CHECK(
        whole_row(report_name::payments, payments, 0)
        == "recordedAt=2026-11-21 00:06:00.123456+00\npaymentId=1\nsessionId=sess_88\nclinkOrderId=order_88\n"
           "attempt=1\nkind=renewal\nverdict=converted\noriginalAmount=88.90\noriginalCurrency=USD\n"
           "amountTotal=177.80\npaymentCurrency=EUR\namountSubtotal=88.90\nclinkOriginalCurrency=USD\n"
           "refundedAmount=0\npaymentTime=2026-11-20 08:37:00+00\nevidence=webhook\nsubscriptionId=sub_88\n"
           "invoiceId=inv_88\nmerchantOrderId=ORD-88\nmerchantReferenceId=ORD-88\n");
    auto sessions = read(report_name::sessions);
    REQUIRE(sessions.size() == 1);
    const auto attempt = at.server.superuser().value("select attempt_id from checkout.sessions");
    // A renewal is not what paid the session.
    CHECK(whole_row(report_name::sessions, sessions, 0)
          == "createdAt=2026-11-21 00:06:00.123456+00\nattemptId=" + attempt
                 + "\nsessionId=sess_88\nclinkOrderId=null\nattempt=1\nstatus=completed\npaymentStatus=paid\n"
                   "originalAmount=88.90\noriginalCurrency=USD\namountTotal=null\npaymentCurrency="
                   "null\nverdict=null\n"
                   "uiMode=hostedPage\nreleasedAt=2026-11-21 00:06:00.123456+00\n"
                   "expireTime=2026-11-21 01:06:00.123456+00\nsupersededAt=null\nendedAt=2026-11-21 "
                   "00:06:00.123456+00\n"
                   "settledBy=webhook\ncheckedAt=null\nrefusalCode=null\ncustomerId=cus_88\nmerchantOrderId="
                   "ORD-88\n"
                   "merchantReferenceId=ORD-88\n");
    auto refunds = read(report_name::refunds);
    REQUIRE(refunds.size() == 1);
    CHECK(whole_row(report_name::refunds, refunds, 0)
          == "recordedAt=2026-11-21 00:06:00.123456+00\nrecordNo=1\nrefundId=rfd_88\nclinkOrderId=order_88\n"
             "sessionId=sess_88\npaymentId=1\nstatus=failed\nrefundAmount=44."
             "4500000000000000\nrefundCurrency=USD\n"
             "refundTime=null\nupdatedAt=2026-11-21 00:06:00.123456+00\nevidence=webhook\nfailureCode=null\n"
             "refundMerchantOrderId=null\nmerchantOrderId=ORD-88\nmerchantReferenceId=ORD-88\nrefundReason="
             "null\n");
    record_finance(at.server.superuser(), 36, 36); // its refund belongs to nothing that is known
    auto stray = read(report_name::refunds);
    CHECK(cell_of(report_name::refunds, stray, 0, "refundId") == "rfd_36");
    for (const auto* column : {"merchantOrderId", "sessionId", "paymentId"})
        CHECK(cell_of(report_name::refunds, stray, 0, column) == "null");
}

TEST_CASE("report store: the summary is what the lines of its range add up to, by day and over all") {
    recorded_orders at;
    record_finance(at.server.superuser(), 1, 200);
    at.server.superuser().value(
        "update checkout.payments set refunded_amount = amount_total / 2 where payment_id % 3 = 0"
        " and amount_total is not null");
    const std::string midnight = "2026-11-21T00:00:00Z";
    for (const auto& [from, to] :
         std::vector<std::pair<std::optional<std::string>, std::optional<std::string>>>{
             {{}, {}},
             {midnight, {}},
             {{}, midnight},
             {"2026-11-20T23:45:00.123456Z", "2026-11-21T00:30:00Z"}}) {
        const auto instant_of = [](const std::optional<std::string>& text) {
            return text ? parse_rfc3339(*text) : std::nullopt;
        };
        const auto found = await_result(at.reports.summarise(instant_of(from), instant_of(to)));
        const auto expected = add_up(at, from, to);
        REQUIRE(expected.size() > 20);
        CHECK(take_summary(found) == expected);
        CHECK(std::ranges::is_sorted(found.lines, [](const total_line& a, const total_line& b) {
            return a.day.value_or("x") < b.day.value_or("x");
        }));
    }
    const auto nothing =
        await_result(at.reports.summarise(parse_rfc3339("2030-01-01T00:00:00Z"), std::nullopt));
    CHECK(nothing.lines.empty());
    CHECK(at.server.superuser().value("select count(*) from reconciliation.daily_totals")
          == std::to_string(
              std::ranges::count_if(await_result(at.reports.summarise(std::nullopt, std::nullopt)).lines,
                                    [](const total_line& line) { return line.day.has_value(); })));
}
