#include "http/query_reader.h"

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "http/message.h"
#include "http/text_rules.h"
#include "json/json.h"

#include <algorithm>
#include <charconv>

namespace checkout {

namespace {

constexpr std::size_t max_cursor_bytes = 512;

// What PostgreSQL's timestamps and RFC 3339's four digits both hold.
const instant earliest = parse_date("0001-01-01").value();
const instant latest = parse_rfc3339("9999-12-31T23:59:59.999999Z").value();

template <class Number>
std::optional<Number> read_number(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

} // namespace

query_reader::query_reader(std::string_view query) {
    auto parsed = parse_query(query);
    if (!parsed) {
        errors_.push_back({"", "The query has a malformed percent-escape."});
        return;
    }
    for (auto& [name, value] : *parsed)
        parameters_.push_back({std::move(name), std::move(value), false});
}

std::optional<std::string> query_reader::text(std::string_view name) {
    std::optional<std::string> found;
    for (auto& given : parameters_) {
        if (given.name != name)
            continue;
        if (found && !given.known)
            refuse(name, "Given more than once.");
        given.known = true;
        found = given.value;
        if (decode_utf8(given.value))
            continue;
        refuse(name, "Must be UTF-8.");
        found.reset();
    }
    return found;
}

int query_reader::limit() {
    return static_cast<int>(number("limit", 1, max_limit).value_or(default_limit));
}

std::optional<std::int64_t> query_reader::number(std::string_view name, std::int64_t least,
                                                 std::int64_t most) {
    const auto given = text(name);
    if (!given)
        return std::nullopt;
    const auto value = read_number<std::int64_t>(*given);
    if (value && *value >= least && *value <= most)
        return value;
    refuse(name,
           "Must be a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ".");
    return std::nullopt;
}

std::optional<instant> query_reader::instant_or_date(std::string_view name) {
    const auto given = text(name);
    if (!given)
        return std::nullopt;
    auto at = parse_date(*given);
    if (!at)
        at = parse_rfc3339(*given);
    if (at && !is_in_range(*at))
        at.reset();
    if (!at)
        refuse(name, "Must be an RFC 3339 instant with its offset, or a date.");
    return at;
}

std::pair<std::optional<instant>, std::optional<instant>> query_reader::range() {
    const auto from = instant_or_date("from");
    const auto to = instant_or_date("to");
    if (from && to && *to < *from)
        refuse("to", "Must not be before from.");
    return {from, to};
}

bool query_reader::is_in_range(instant at) {
    return at >= earliest && at <= latest;
}

void query_reader::refuse(std::string_view name, std::string message) {
    errors_.push_back({append_pointer("", name), std::move(message)});
}

std::optional<problem> query_reader::finish() {
    for (const auto& given : parameters_)
        if (!given.known)
            refuse(decode_utf8(given.name) ? given.name : percent_encode(given.name),
                   "There is no such parameter.");
    if (errors_.empty())
        return std::nullopt;
    return make_validation_problem(std::move(errors_));
}

std::string write_cursor(char kind, const std::vector<std::int64_t>& numbers) {
    std::string text(1, kind);
    for (const auto number : numbers)
        text += "." + std::to_string(number);
    return to_base64url(text);
}

std::optional<std::vector<std::int64_t>> read_cursor(char kind, std::size_t count, std::string_view cursor) {
    if (cursor.size() > max_cursor_bytes)
        return std::nullopt;
    const auto text = from_base64url(cursor);
    if (!text || text->empty() || text->front() != kind)
        return std::nullopt;
    std::vector<std::int64_t> numbers;
    std::string_view rest = std::string_view(*text).substr(1);
    while (rest.starts_with('.')) {
        rest.remove_prefix(1);
        const auto number = read_number<std::int64_t>(rest.substr(0, rest.find('.')));
        if (!number)
            return std::nullopt;
        numbers.push_back(*number);
        rest.remove_prefix(std::min(rest.find('.'), rest.size()));
    }
    if (!rest.empty() || numbers.size() != count)
        return std::nullopt;
    return numbers;
}

} // namespace checkout
