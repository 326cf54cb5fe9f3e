// A request's target in the first line, a cursor in the second, its numbers in the third: paths, queries,
// filters and cursors as the report handlers read them.
#include "http/query_reader.h"

#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "http/framing.h"
#include "http/text_rules.h"
#include "support/decoded_query.h"
#include "support/fuzz_input.h"
#include "support/property.h"
#include "support/text.h"
#include "json/json.h"

#include <cstdint>

using namespace checkout;

namespace {

void check_path(std::string_view path) {
    const auto segments = split_path(path);
    if (!segments)
        return;
    std::string rejoined;
    for (const auto& segment : *segments)
        rejoined += "/" + percent_encode(segment);
    must(split_path(rejoined) == segments, "a path's segments make the path");
}

void check_query(std::string_view query) {
    const auto parameters = parse_query(query);
    if (!parameters)
        return;
    std::string rejoined;
    for (const auto& [name, value] : *parameters)
        rejoined += (rejoined.empty() ? "" : "&") + percent_encode(name) + "=" + percent_encode(value);
    must(parse_query(rejoined) == parameters, "a query's parameters make the query");
}

void check_time(instant at) {
    must(query_reader::is_in_range(at), "a filter's time is one that the record can hold");
    must(parse_rfc3339(to_rfc3339_micros(at)) == at, "a time reads as it is written");
}

/// True when reading the query as the report handlers do must find something wrong.
bool is_wrong(std::string_view query, bool limit_is_good, bool from_is_good) {
    const auto parameters = parse_query(query);
    if (!parameters)
        return true;
    for (const auto& [name, value] : *parameters) {
        if (!decode_utf8(name) || !decode_utf8(value))
            return true;
        const bool known = name == "limit" || name == "from" || name == "kind";
        if (!known || values_of(*parameters, name).size() > 1)
            return true;
    }
    return !limit_is_good || !from_is_good;
}

/// The number that stands there as digits alone, of 1 to 1000.
bool is_limit(const std::string& text) {
    const auto number = number_of(text);
    return number >= 1 && number <= 1000;
}

void check_reader(std::string_view query) {
    query_reader reader(query);
    const auto limit = reader.limit();
    const auto from = reader.instant_or_date("from");
    const auto kind = reader.text("kind");
    const auto wrong = reader.finish();

    must(limit >= 1 && limit <= query_reader::max_limit, "a page is bounded");
    if (from)
        check_time(*from);
    const auto parameters = parse_query(query).value_or(query_parameters());
    const auto limits = values_of(parameters, "limit");
    const bool limit_is_good = limits.empty() || is_limit(limits.back());
    const bool from_is_good = values_of(parameters, "from").empty() || from;
    must(wrong.has_value() == is_wrong(query, limit_is_good, from_is_good), "every wrong parameter is found");
    must(!kind || values_of(parameters, "kind").back() == *kind, "a text is the parameter's");
    if (wrong) {
        const auto answer = to_response(*wrong, "request-1");
        must(answer.status == 422, "a wrong query is 422");
        must(parse_json(answer.body).has_value(), "a problem is JSON");
    }
}

void check_target(std::string_view target) {
    http_request request;
    set_target(request, target);
    must(request.target == target, "a target is kept");
    if (target.starts_with('/'))
        must(target == request.path + (target.find('?') == std::string_view::npos ? "" : "?") + request.query,
             "a target is its path and its query");
    check_path(request.path);
    check_query(request.query);
    check_reader(request.query);
}

void check_cursor(std::string_view text) {
    for (std::size_t count = 0; count < 4; ++count) {
        const auto numbers = read_cursor('r', count, text);
        if (!numbers)
            continue;
        must(numbers->size() == count, "a cursor has as many numbers as are asked for");
        must(read_cursor('r', count, write_cursor('r', *numbers)) == numbers,
             "a cursor's numbers make a cursor");
        must(!read_cursor('p', count, text) && !read_cursor('r', count + 1, text), "a cursor is of one list");
    }
    if (const auto bytes = from_base64url(text))
        must(to_base64url(*bytes) == text, "base64url has one spelling");
    if (const auto bytes = from_hex(text))
        must(from_hex(to_hex(*bytes)) == bytes && to_hex(*bytes).size() == text.size(),
             "hex decodes to its bytes");
}

void check_numbers(std::string_view list) {
    std::vector<std::int64_t> numbers;
    while (!list.empty() && numbers.size() < 8)
        numbers.push_back(number_of(take_until(list, ',')));
    const auto cursor = write_cursor('r', numbers);
    must(read_cursor('r', numbers.size(), cursor) == numbers, "a cursor comes back as it went out");
    must(percent_encode(cursor) == cursor, "a cursor needs no escape");
}

void check_instant(std::string_view text) {
    if (const auto at = parse_date(text))
        must(to_rfc3339(*at).starts_with(text), "a date is its day's start");
    if (const auto at = parse_rfc3339(text); at && query_reader::is_in_range(*at))
        check_time(*at);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    check_target(input.line());
    const auto cursor = input.line();
    check_cursor(cursor);
    check_instant(cursor);
    check_numbers(input.line());
    return 0;
}
