#include "finance/row_format.h"

#include "json/json.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <stdexcept>
#include <vector>

using namespace checkout;

namespace {

using cell = report_rows::cell;

/// One column of each kind.
constexpr report_column columns[] = {
    {.name = "at", .kind = column_kind::time},
    {.name = "exactly", .kind = column_kind::micros},
    {.name = "count", .kind = column_kind::number},
    {.name = "amount", .kind = column_kind::amount, .currency = 4, .totalled = true},
    {.name = "currency"},
    {.name = "data", .kind = column_kind::json},
    {.name = "words"},
};

constexpr cell none = std::nullopt;

/// A row of those columns of which only one has a value, and its currency.
std::vector<cell> row_of(std::string_view name, std::string_view value, cell currency = none) {
    std::vector<cell> row;
    for (const auto& column : columns)
        row.push_back(column.name == name ? cell(value) : column.name == "currency" ? currency : none);
    return row;
}

std::string to_csv(const std::vector<cell>& row) {
    std::string text;
    append_csv_row(text, columns, row);
    return text;
}

std::string to_json(const std::vector<cell>& row) {
    std::string text;
    append_json_row(text, columns, row);
    return text;
}

/// The row's words as CSV.
std::string csv_words(std::string_view words) {
    const auto line = to_csv(row_of("words", words));
    REQUIRE(line.starts_with(",,,,,,"));
    REQUIRE(line.ends_with("\r\n"));
    return line.substr(6, line.size() - 8);
}

/// A member of the row as JSON.
json_value json_member_of(const std::vector<cell>& row, std::string_view name) {
    const auto object = parse_json(to_json(row));
    REQUIRE(object.has_value());
    const auto* value = object->find(name);
    REQUIRE(value);
    return *value;
}

/// Amounts and currencies, a row each.
std::string totals_of(std::initializer_list<std::pair<cell, cell>> rows) {
    report_totals totals(columns);
    for (const auto& [amount, currency] : rows)
        totals.add(std::vector<cell>{none, none, none, amount, currency, none, none});
    return totals.to_json();
}

} // namespace

TEST_CASE("row format: a CSV's header has the columns' names") {
    std::string text = "before ";
    append_csv_header(text, columns);
    CHECK(text == "before at,exactly,count,amount,currency,data,words\r\n");
}

TEST_CASE("row format: one row, in both formats") {
    const std::vector<cell> row{"2026-11-21 08:53:53.123456+00",
                                "2026-11-21 08:53:53.123456+00",
                                "12",
                                "49.9",
                                "USD",
                                R"({"a": "b"})",
                                "to \"you\", too"};
    CHECK(to_csv(row)
          == "2026-11-21T08:53:53.123Z,2026-11-21T08:53:53.123456Z,12,49.90,USD,"
             "\"{\"\"a\"\": \"\"b\"\"}\",\"to \"\"you\"\", too\"\r\n");
    CHECK(to_json(row)
          == R"({"at":"2026-11-21T08:53:53.123Z","exactly":"2026-11-21T08:53:53.123456Z","count":12,)"
             R"("amount":"49.90","currency":"USD","data":{"a": "b"},"words":"to \"you\", too"})");
}

TEST_CASE("row format: a field of a CSV is quoted when RFC 4180 asks for it, and not else") {
    for (const std::string words :
         {"plain", "a b", " spaced ", "semi;colon", "tab\there", "it's", "\xc3\xa4", "=1+1", "null", "0"})
        CHECK(csv_words(words) == words);
    CHECK(csv_words("a,b") == "\"a,b\"");
    CHECK(csv_words("\"") == "\"\"\"\"");
    CHECK(csv_words("a\rb") == "\"a\rb\"");
    CHECK(csv_words("a\nb") == "\"a\nb\"");
    CHECK(csv_words("a\r\n\"b\",c") == "\"a\r\n\"\"b\"\",c\"");
}

TEST_CASE("row format: a null and an empty text differ, in both formats") {
    CHECK(csv_words("") == "\"\"");
    const std::vector<cell> nothing(std::size(columns), none);
    CHECK(to_csv(nothing) == ",,,,,,\r\n");
    CHECK(
        to_json(nothing)
        == R"({"at":null,"exactly":null,"count":null,"amount":null,"currency":null,"data":null,"words":null})");
    CHECK(json_member_of(row_of("words", ""), "words") == json_value(""));
    CHECK(json_member_of(row_of("words", "null"), "words") == json_value("null"));
}

TEST_CASE("row format: whatever a text holds, JSON gives it back and on one line") {
    for (const auto& words : {std::string("quote \" and \\ backslash"), std::string("line\nfeed\r\n"),
                              std::string("\x01\x1f\t"), std::string("{\"not\": \"an object\"}"),
                              std::string("\xe2\x82\xac \xf0\x9f\x98\x80"), std::string("\x7f")}) {
        const auto row = row_of("words", words);
        CHECK(json_member_of(row, "words") == json_value(words));
        CHECK(to_json(row).find_first_of("\r\n") == std::string::npos);
    }
}

TEST_CASE("row format: an amount has its currency's digits, and more where the value has them") {
    struct {
        std::string_view number;
        cell currency;
        std::string_view text;
    } const cases[] = {
        {"49.9", "USD", "49.90"},
        {"49.90000", "USD", "49.90"},
        {"5", "USD", "5.00"},
        {"500", "JPY", "500"},
        {"500.000", "JPY", "500"},
        {"1.25", "KWD", "1.250"},
        {"1", "CLF", "1.0000"},
        {"0", "USD", "0.00"},
        {"0.00", "JPY", "0"},
        {"49.905", "USD", "49.905"},
        {"0.5", "JPY", "0.5"},
        {"-0.5", "USD", "-0.50"},
        {"12.345", none, "12.345"},
        {"12", none, "12"},
        {"12.50", "WAT", "12.5"},
        {"999999999999999.99", "USD", "999999999999999.99"},
        // What no decimal holds is given as the database has it.
        {"1000000000000000", "USD", "1000000000000000"},
        {"NaN", "USD", "NaN"},
    };
    for (const auto& [number, currency, text] : cases) {
        CAPTURE(number);
        CHECK(format_database_amount(number, currency.value_or("")) == text);
        const auto row = row_of("amount", number, currency);
        CHECK(to_csv(row) == ",,," + std::string(text) + "," + std::string(currency.value_or("")) + ",,\r\n");
        CHECK(json_member_of(row, "amount") == json_value(text));
    }
}

TEST_CASE("row format: a time is cut to its digits, never rounded") {
    struct {
        std::string_view database, milliseconds, microseconds;
    } const cases[] = {
        {"2026-11-21 08:53:53+00", "2026-11-21T08:53:53.000Z", "2026-11-21T08:53:53.000000Z"},
        {"2026-11-21 08:53:53.1+00", "2026-11-21T08:53:53.100Z", "2026-11-21T08:53:53.100000Z"},
        {"2026-11-21 08:53:53.12345+00", "2026-11-21T08:53:53.123Z", "2026-11-21T08:53:53.123450Z"},
        {"2026-12-31 23:59:59.999999+00", "2026-12-31T23:59:59.999Z", "2026-12-31T23:59:59.999999Z"},
        {"0001-01-01 00:00:00+00", "0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000000Z"},
        {"infinity", "infinity", "infinity"},
        {"-infinity", "-infinity", "-infinity"},
        {"12026-11-21 08:53:53+00", "12026-11-21 08:53:53+00", "12026-11-21 08:53:53+00"},
    };
    for (const auto& [database, milliseconds, microseconds] : cases) {
        CAPTURE(database);
        CHECK(to_csv(row_of("at", database)) == std::string(milliseconds) + ",,,,,,\r\n");
        CHECK(to_csv(row_of("exactly", database)) == "," + std::string(microseconds) + ",,,,,\r\n");
        CHECK(json_member_of(row_of("at", database), "at") == json_value(milliseconds));
        CHECK(json_member_of(row_of("exactly", database), "exactly") == json_value(microseconds));
    }
}

TEST_CASE("row format: a number and an object are JSON's own") {
    CHECK(json_member_of(row_of("count", "9007199254740993"), "count")
          == json_value(std::int64_t{9007199254740993}));
    CHECK(json_member_of(row_of("data", R"({"amount": "1.10", "n": 1.10})"), "data")
              .find("n")
              ->if_number()
              ->token
          == "1.10");
}

TEST_CASE("row format: rows have the line end of their format, and none is lost") {
    const auto text = std::make_shared<const std::string>("one\ntwo");
    std::vector<cell> cells(std::size(columns), none);
    cells.back() = *text;
    cells.insert(cells.end(), std::size(columns), none);
    const report_rows rows(std::size(columns), cells, text);
    REQUIRE(rows.size() == 2);
    std::string csv = "header\r\n";
    append_rows(csv, columns, rows, row_format::csv);
    CHECK(csv == "header\r\n,,,,,,\"one\ntwo\"\r\n,,,,,,\r\n");
    std::string lines;
    append_rows(lines, columns, rows, row_format::ndjson);
    CHECK(lines
          == to_json({rows.row(0).begin(), rows.row(0).end()}) + "\n"
                 + to_json({rows.row(1).begin(), rows.row(1).end()}) + "\n");
    std::string nothing;
    append_rows(nothing, columns, report_rows(), row_format::csv);
    CHECK(nothing.empty());
}

TEST_CASE("row format: totals are by currency, with its digits; a null is no amount but a row") {
    CHECK(totals_of({}) == R"({"amount":{}})");
    CHECK(totals_of({{"49.9", "USD"}, {"0.105", "USD"}, {"500", "JPY"}, {none, "EUR"}, {none, none}})
          == R"({"amount":{"JPY":"500","USD":"50.005"}})");
    CHECK(totals_of({{"1.5", "KWD"}, {"1.5", "KWD"}}) == R"({"amount":{"KWD":"3.000"}})");
    CHECK(totals_of({{"1", none}}) == R"({"amount":{"":"1"}})");
    report_totals totals(columns);
    CHECK(totals.rows() == 0);
    totals.add(row_of("words", "no amount"));
    totals.add(row_of("amount", "1", "USD"));
    CHECK(totals.rows() == 2);
}

TEST_CASE("row format: totals are exact past what one amount may be") {
    const std::initializer_list<std::pair<cell, cell>> greatest{
        {"999999999999999.99", "USD"}, {"999999999999999.99", "USD"}, {"0.03", "USD"}};
    CHECK(totals_of(greatest) == R"({"amount":{"USD":"2000000000000000.01"}})");
    report_totals many(columns);
    for (int i = 0; i < 100'000; ++i)
        many.add(row_of("amount", "999999999999999.999999999999999999", "USD"));
    CHECK(many.to_json() == R"({"amount":{"USD":"99999999999999999999.9999999999999"}})");
    CHECK_THROWS_AS(
        [&] {
            for (int i = 0; i < 100'000; ++i)
                many.add(row_of("amount", "999999999999999.999999999999999999", "USD"));
        }(),
        std::overflow_error);
    CHECK_THROWS_AS(totals_of({{"1000000000000000", "USD"}}), std::overflow_error);
}

TEST_CASE("row format: totals are one line, whatever a currency's column holds") {
    const auto text = totals_of({{"1", "A\r\nB: c"}, {"2", "\"\\"}});
    CHECK(text.find_first_of("\r\n") == std::string::npos);
    CHECK(parse_json(text).has_value());
}

TEST_CASE("row format: every report's columns are what its amounts need") {
    for (const auto report :
         {report_name::payments, report_name::sessions, report_name::refunds, report_name::events}) {
        const auto its = columns_of(report);
        CAPTURE(to_string(report));
        CHECK(find_report(to_string(report)) == report);
        for (const auto& column : its) {
            CAPTURE(column.name);
            CHECK_FALSE((column.totalled && column.kind != column_kind::amount));
            if (column.kind != column_kind::amount)
                continue;
            REQUIRE(column.currency >= 0);
            REQUIRE(static_cast<std::size_t>(column.currency) < its.size());
            CHECK(its[static_cast<std::size_t>(column.currency)].name.ends_with("Currency"));
        }
    }
    CHECK_FALSE(find_report("discrepancies"));
    CHECK_FALSE(find_report(""));
}
