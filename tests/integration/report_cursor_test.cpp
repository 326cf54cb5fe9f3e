// A whole report on a connection of its own.
#include "storage/report_cursor.h"

#include "support/finance_record.h"
#include "support/recorded_orders.h"

#include <doctest/doctest.h>

using namespace checkout;
using namespace checkout::test;

TEST_CASE("report cursor: the whole report as its pages have it, in one snapshot while rows are added") {
    recorded_orders at;
    record_finance(at.server.superuser(), 1, 1400);
    for (const auto report : {report_name::payments, report_name::sessions, report_name::refunds}) {
        CAPTURE(to_string(report));
        std::vector<std::string> expected;
        std::optional<report_position> after;
        while (true) {
            auto page = await_result(at.reports.read_page(query_of(report), after, 999));
            for (std::size_t i = 0; i < page.rows.size(); ++i)
                expected.push_back(whole_row(report, page.rows, i));
            if (page.places.empty())
                break;
            after = page.places.back();
        }
        report_cursor cursor(at.server.service_url(), query_of(report));
        std::vector<std::string> seen;
        for (auto rows = cursor.next(); rows.size() > 0; rows = cursor.next()) {
            for (std::size_t i = 0; i < rows.size(); ++i)
                seen.push_back(whole_row(report, rows, i));
            const auto next =
                10'000 + std::stoi(at.server.superuser().value("select count(*) from checkout.orders"));
            record_finance(at.server.superuser(), next, next + 8);
            at.server.superuser().value("update checkout.sessions set check_count = 1, checked_at = now()"
                                        " where payment_status = 'unpaid'");
        }
        CHECK(cursor.next().size() == 0);
        CHECK(seen.size() == expected.size());
        CHECK((seen == expected));
        // What is added is there for the next one.
        report_cursor later(at.server.service_url(), query_of(report));
        std::size_t count = 0;
        for (auto rows = later.next(); rows.size() > 0; rows = later.next())
            count += rows.size();
        CHECK(count > expected.size());
    }
}

TEST_CASE("report cursor: PostgreSQL is told whose question it is") {
    recorded_orders at;
    record_finance(at.server.superuser(), 1, 3);
    const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    auto query = query_of(report_name::payments);
    query.context.trace = parse_traceparent(traceparent).value();
    report_cursor cursor(at.server.service_url(), query);
    const auto shown = [&] {
        return at.server.superuser().value(
            "select query from pg_stat_activity where datname = current_database()"
            " and application_name = 'clink-checkout export'");
    };
    const auto comment = " /*traceparent='" + traceparent + "'*/";
    const auto declared = shown();
    CHECK(declared.starts_with("declare report"));
    CHECK(declared.ends_with(comment));
    CHECK(cursor.next().size() > 0);
    CHECK(shown() == "fetch 1000 from report" + comment);
}

TEST_CASE("report cursor: events come by their numbers, of the range that was asked for") {
    recorded_orders at;
    record_finance(at.server.superuser(), 1, 3);
    auto& plain = at.server.superuser();
    plain.value("insert into checkout.events (order_id, kind, at) select order_id, 'something_happened',"
                " timestamptz '2026-11-20 12:00:00+00' - order_id * interval '1 hour' from checkout.orders");
    plain.value("insert into checkout.feed select 4 - event_id, event_id from checkout.events");
    auto query = query_of(report_name::events);
    query.to = parse_rfc3339("2026-11-20T11:00:00Z");
    report_cursor cursor(at.server.service_url(), query);
    CHECK(to_rfc3339_micros(cursor.as_of())
          == to_rfc3339_micros(await_result(at.reports.read_feed(0, 1)).as_of));
    auto rows = cursor.next();
    REQUIRE(rows.size() == 2);
    CHECK(cell_of(report_name::events, rows, 0, "feedNo") == "1");
    CHECK(cell_of(report_name::events, rows, 0, "at") == "2026-11-20 09:00:00+00");
    CHECK(cell_of(report_name::events, rows, 0, "merchantOrderId") == "ORD-3");
    CHECK(cell_of(report_name::events, rows, 0, "data") == "{}");
    CHECK(cell_of(report_name::events, rows, 1, "feedNo") == "2");
}

TEST_CASE("report cursor: a database that is away is said to be") {
    test_database server;
    const auto away = server.service_url() + " port='1'";
    CHECK_THROWS_AS(report_cursor(away, report_query()), database_unavailable);
}

TEST_CASE("report cursor: what the role has set for itself changes no value") {
    recorded_orders at;
    record_finance(at.server.superuser(), 1, 20);
    const auto all_of = [&](report_name report) {
        report_cursor cursor(at.server.service_url(), query_of(report));
        std::string text = to_rfc3339_micros(cursor.as_of());
        for (auto rows = cursor.next(); rows.size() > 0; rows = cursor.next())
            for (std::size_t i = 0; i < rows.size(); ++i)
                text += whole_row(report, rows, i);
        return text;
    };
    const auto before = all_of(report_name::payments);
    const auto role = at.server.service().value("select current_user");
    for (const auto* setting :
         {"timezone = 'Asia/Tokyo'", "search_path = 'nowhere'", "client_encoding = 'LATIN1'",
          "default_transaction_isolation = 'serializable'"})
        at.server.superuser().value("alter role " + role + " set " + setting);
    CHECK(all_of(report_name::payments) == before);
}
