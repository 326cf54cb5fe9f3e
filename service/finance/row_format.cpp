#include "finance/row_format.h"

#include "crypto/encoding.h"
#include "domain/currency.h"
#include "domain/money.h"
#include "json/json.h"

namespace checkout {

namespace {

using cell = report_rows::cell;

constexpr std::size_t millisecond_digits = 3;
constexpr std::size_t microsecond_digits = 6;

/// PostgreSQL's "2026-11-21 08:53:53.1+00" as RFC 3339 with that many digits. What has no such form
/// (infinity) stays.
void append_time(std::string& out, std::string_view text, std::size_t digits) {
    constexpr std::size_t seconds_end = 19;
    if (text.size() < seconds_end + 3 || !text.ends_with("+00") || text[10] != ' ') {
        out += text;
        return;
    }
    auto fraction = text.substr(seconds_end, text.size() - seconds_end - 3);
    fraction.remove_prefix(fraction.starts_with('.') ? 1 : 0);
    fraction = fraction.substr(0, digits);
    out.append(text.substr(0, 10)).append(1, 'T').append(text.substr(11, 8)).append(1, '.').append(fraction);
    out.append(digits - fraction.size(), '0').append(1, 'Z');
}

std::string_view currency_of(const report_column& column, report_row row) {
    return row[static_cast<std::size_t>(column.currency)].value_or("");
}

/// The cell's text but for its quoting.
void append_plain(std::string& out, const report_column& column, report_row row, std::string_view text) {
    switch (column.kind) {
    case column_kind::amount:
        out += format_database_amount(text, currency_of(column, row));
        return;
    case column_kind::time:
        append_time(out, text, millisecond_digits);
        return;
    case column_kind::micros:
        append_time(out, text, microsecond_digits);
        return;
    case column_kind::text:
    case column_kind::number:
    case column_kind::json:
        out += text;
        return;
    }
}

void append_csv_text(std::string& out, std::string_view text) {
    if (!text.empty() && text.find_first_of("\",\r\n") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (const char c : text)
        out.append(c == '"' ? 2 : 1, c);
    out += '"';
}

bool is_plain_in_json(std::string_view text) {
    for (const char c : text)
        if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\')
            return false;
    return true;
}

void append_json_text(std::string& out, std::string_view text) {
    if (is_plain_in_json(text))
        out.append(1, '"').append(text).append(1, '"');
    else
        out += write_json_string(text);
}

void append_json_value(std::string& out, const report_column& column, report_row row, const cell& value) {
    if (!value) {
        out += "null";
        return;
    }
    switch (column.kind) {
    case column_kind::text:
        append_json_text(out, *value);
        return;
    case column_kind::number:
    case column_kind::json:
        out += *value;
        return;
    case column_kind::amount:
    case column_kind::time:
    case column_kind::micros:
        out += '"';
        append_plain(out, column, row, *value);
        out += '"';
        return;
    }
}

} // namespace

void append_csv_header(std::string& out, std::span<const report_column> columns) {
    for (const auto& column : columns) {
        out.append(&column == columns.data() ? "" : ",");
        append_csv_text(out, column.name);
    }
    out += "\r\n";
}

void append_csv_row(std::string& out, std::span<const report_column> columns, report_row row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (i > 0)
            out += ',';
        if (!row[i])
            continue;
        if (columns[i].kind == column_kind::text || columns[i].kind == column_kind::json)
            append_csv_text(out, *row[i]);
        else
            append_plain(out, columns[i], row, *row[i]);
    }
    out += "\r\n";
}

void append_json_row(std::string& out, std::span<const report_column> columns, report_row row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
        out.append(i == 0 ? "{\"" : ",\"").append(columns[i].name).append("\":");
        append_json_value(out, columns[i], row, row[i]);
    }
    out += '}';
}

void append_rows(std::string& out, std::span<const report_column> columns, const report_rows& rows,
                 row_format format) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (format == row_format::csv) {
            append_csv_row(out, columns, rows.row(i));
        } else {
            append_json_row(out, columns, rows.row(i));
            out += '\n';
        }
    }
}

std::string format_database_amount(std::string_view number, std::string_view currency) {
    const auto amount = decimal::parse(number);
    return amount ? format_amount(*amount, currency) : std::string(number);
}

void report_totals::add(report_row row) {
    ++rows_;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (!columns_[i].totalled || !row[i])
            continue;
        const auto amount = decimal::parse(*row[i]);
        if (!amount)
            throw std::overflow_error("an amount has more than 15 integer digits");
        sums_[{i, std::string(currency_of(columns_[i], row))}].add(*amount);
    }
}

std::string report_totals::to_json() const {
    json_object totals;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (!columns_[i].totalled)
            continue;
        json_object by_currency;
        for (const auto& [key, sum] : sums_)
            if (key.first == i)
                by_currency.push_back(
                    {percent_encode(key.second), sum.to_string(find_minor_digits(key.second).value_or(0))});
        totals.push_back({std::string(columns_[i].name), std::move(by_currency)});
    }
    return write_json(totals);
}

} // namespace checkout
