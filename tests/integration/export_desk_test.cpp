// Exports under way: what their readers get, and what becomes of their threads and connections.
#include "finance/export_desk.h"

#include "storage/database.h"
#include "support/finance_record.h"
#include "support/recorded_orders.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <future>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t rows_in_a_piece = 1000;

struct desk_under_test {
    recorded_orders at;
    boost::asio::io_context io{1};
    std::optional<export_desk> desk;

    desk_under_test() { desk.emplace(io.get_executor(), at.server.service_url()); }

    template <class T>
    T run(boost::asio::awaitable<T> work) {
        auto result = boost::asio::co_spawn(io, std::move(work), boost::asio::use_future);
        io.restart();
        while (result.wait_for(0s) != std::future_status::ready)
            io.run_one();
        return result.get();
    }
    std::unique_ptr<export_job> start(report_name report, row_format format = row_format::csv) {
        return desk->start(query_of(report), format);
    }
    std::string read_all(export_job& job) {
        std::string text;
        while (const auto piece = run(job.next()))
            text += *piece;
        return text;
    }
    /// Of the exports' connections.
    void await_connections(int count, const std::string& condition = "true") {
        at.server.superuser().await_value(
            "select count(*) from pg_stat_activity where datname = current_database()"
            " and application_name = 'clink-checkout export' and "
                + condition,
            std::to_string(count));
    }
    /// Every batch of payments takes that long from now on.
    void slow_down(int seconds) {
        auto& plain = at.server.superuser();
        auto definition = plain.value("select pg_get_viewdef('reconciliation.payments')");
        std::erase(definition, ';');
        plain.value("create or replace view reconciliation.payments as select v.* from (" + definition
                    + ") v cross join pg_sleep(" + std::to_string(seconds) + ")");
    }
};

/// What the pages of the report have, in that format, with their totals.
struct expected_text {
    std::string text;
    report_totals totals;

    expected_text(report_store& reports, report_name report, row_format format) : totals(columns_of(report)) {
        if (format == row_format::csv)
            append_csv_header(text, columns_of(report));
        std::optional<report_position> after;
        while (true) {
            const auto page = await_result(reports.read_page(query_of(report), after, 777));
            append_rows(text, columns_of(report), page.rows, format);
            for (std::size_t i = 0; i < page.rows.size(); ++i)
                totals.add(page.rows.row(i));
            if (page.places.empty())
                return;
            after = page.places.back();
        }
    }
};

std::int64_t count_lines(std::string_view text) {
    return std::ranges::count(text, '\n');
}

} // namespace

TEST_CASE("export desk: the text is that of the pages, with its rows and totals at the end") {
    desk_under_test under;
    record_finance(under.at.server.superuser(), 1, 1500);
    const auto as_of = under.at.server.superuser().value("select complete_to from checkout.feed_head");
    for (const auto report : {report_name::payments, report_name::sessions, report_name::refunds})
        for (const auto format : {row_format::csv, row_format::ndjson}) {
            CAPTURE(to_string(report));
            const expected_text expected(under.at.reports, report, format);
            const auto job = under.start(report, format);
            REQUIRE(job);
            CHECK(under.at.server.superuser().value("select '" + to_rfc3339_micros(under.run(job->open()))
                                                    + "'::timestamptz = '" + as_of + "'")
                  == "t");
            const auto text = under.read_all(*job);
            CHECK((text == expected.text));
            CHECK(job->rows() == expected.totals.rows());
            CHECK(job->totals() == expected.totals.to_json());
            CHECK_FALSE(under.run(job->next()));
        }
    const auto payments = under.start(report_name::payments);
    const auto lines = count_lines(under.read_all(*payments));
    CHECK(lines == payments->rows() + 1);
    const auto total = under.at.server.superuser().value(
        "select trim_scale(sum(amount_total)) from checkout.payments where payment_currency = 'JPY'");
    CHECK(payments->totals().find("\"amountTotal\":{\"EUR\":") != std::string::npos);
    CHECK(payments->totals().find("\"JPY\":\"" + total + "\"") != std::string::npos);
}

TEST_CASE("export desk: of nothing a CSV is its header, NDJSON is empty, and the totals are there") {
    desk_under_test under;
    for (const auto format : {row_format::csv, row_format::ndjson}) {
        const auto job = under.start(report_name::refunds, format);
        const auto text = under.read_all(*job);
        CHECK(count_lines(text) == (format == row_format::csv ? 1 : 0));
        CHECK(text.starts_with(format == row_format::csv ? "recordedAt,recordNo," : ""));
        CHECK(job->rows() == 0);
        CHECK(job->totals() == R"({"refundAmount":{}})");
    }
}

TEST_CASE("export desk: a slow reader stops it after a few pieces; a lost connection is no end") {
    desk_under_test under;
    record_finance(under.at.server.superuser(), 1, 6000);
    const auto job = under.start(report_name::sessions, row_format::ndjson);
    under.run(job->open());
    // Was it not stopped, it would be done and gone in less.
    under.await_connections(1,
                            "state = 'idle in transaction' and clock_timestamp() - state_change > '300 ms'");
    CHECK(under.at.server.superuser().value(
              "select count(pg_terminate_backend(pid)) from pg_stat_activity where"
              " datname = current_database() and application_name ="
              " 'clink-checkout export'")
          == "1");
    under.await_connections(0);
    std::int64_t read = 0;
    const auto read_on = [&] {
        while (const auto piece = under.run(job->next()))
            read += count_lines(*piece);
    };
    CHECK_THROWS_AS(read_on(), database_unavailable);
    CHECK_THROWS_AS(read_on(), database_unavailable);
    // At most one in hand and two that wait; fewer when it was slower than the wait above.
    CHECK(read % rows_in_a_piece == 0);
    CHECK(read <= 3 * rows_in_a_piece);
    CHECK(under.start(report_name::sessions));
}

TEST_CASE("export desk: as many as may be are under way, and one that is let go makes room") {
    desk_under_test under;
    record_finance(under.at.server.superuser(), 1, 4000);
    std::vector<std::unique_ptr<export_job>> jobs;
    for (std::size_t i = 0; i < export_desk::exports_at_once; ++i) {
        jobs.push_back(under.start(report_name::sessions));
        REQUIRE(jobs.back());
    }
    for (const auto& job : jobs)
        under.run(job->open());
    under.await_connections(export_desk::exports_at_once);
    CHECK_FALSE(under.start(report_name::sessions));
    CHECK_FALSE(under.start(report_name::refunds));
    jobs.front().reset();
    under.await_connections(export_desk::exports_at_once - 1);
    std::unique_ptr<export_job> next;
    for (const auto until = std::chrono::steady_clock::now() + 20s;
         !next && std::chrono::steady_clock::now() < until; std::this_thread::sleep_for(1ms))
        next = under.start(report_name::sessions);
    REQUIRE(next);
    CHECK_FALSE(under.start(report_name::sessions));
    CHECK(count_lines(under.read_all(*next)) == 4001);
    CHECK(count_lines(under.read_all(*jobs.back())) == 4001);
    jobs.clear();
    next.reset();
    under.await_connections(0);
}

TEST_CASE("export desk: a database that is away is said to be, and holds no place") {
    desk_under_test under;
    under.desk.emplace(under.io.get_executor(), under.at.server.service_url() + " port='1'");
    for (std::size_t i = 0; i < 2 * export_desk::exports_at_once; ++i) {
        std::unique_ptr<export_job> job;
        for (const auto until = std::chrono::steady_clock::now() + 20s;
             !job && std::chrono::steady_clock::now() < until; std::this_thread::sleep_for(1ms))
            job = under.start(report_name::payments);
        REQUIRE(job);
        CHECK_THROWS_AS(under.run(job->open()), database_unavailable);
        CHECK_THROWS_AS(under.run(job->next()), database_unavailable);
    }
}

TEST_CASE("export desk: what is under way when it goes ends at once, whatever it is at") {
    desk_under_test under;
    record_finance(under.at.server.superuser(), 1, 4000);
    const auto waits_for_its_reader = under.start(report_name::sessions);
    under.run(waits_for_its_reader->open());
    under.slow_down(40);
    const auto waits_for_the_database = under.start(report_name::payments);
    under.run(waits_for_the_database->open());
    under.await_connections(1, "wait_event = 'PgSleep'");
    const auto has_just_begun = under.start(report_name::payments);

    const auto began = std::chrono::steady_clock::now();
    under.desk.reset();
    CHECK(std::chrono::steady_clock::now() - began < 20s);
    under.await_connections(0);
    CHECK_THROWS_AS(under.read_all(*waits_for_the_database), database_unavailable);
    CHECK_THROWS_AS(under.read_all(*waits_for_its_reader), database_unavailable);
    CHECK_THROWS_AS(under.read_all(*has_just_begun), database_unavailable);
}

TEST_CASE("export desk: an export whose reader has gone before it began to read ends at once, too") {
    desk_under_test under;
    record_finance(under.at.server.superuser(), 1, 4);
    under.slow_down(40);
    for (std::size_t i = 0; i < export_desk::exports_at_once; ++i)
        under.start(report_name::payments).reset();
    const auto began = std::chrono::steady_clock::now();
    under.desk.reset();
    CHECK(std::chrono::steady_clock::now() - began < 20s);
    under.await_connections(0);
}
