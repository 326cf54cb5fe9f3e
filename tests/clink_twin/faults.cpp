#include "faults.h"

#include <algorithm>
#include <array>

namespace clink_twin {

namespace {

struct kind_row {
    fault_kind kind;
    std::string_view name;
    bool after_work; ///< unless the request says otherwise
};

constexpr std::array kinds = {
    kind_row{fault_kind::lost_answer, "lost_answer", true},
    kind_row{fault_kind::close, "close", false},
    kind_row{fault_kind::reset, "reset", false},
    kind_row{fault_kind::stall, "stall", true},
    kind_row{fault_kind::truncate, "truncate", true},
    kind_row{fault_kind::slow_body, "slow_body", true},
    kind_row{fault_kind::close_after_answer, "close_after_answer", true},
    kind_row{fault_kind::delay, "delay", true},
    kind_row{fault_kind::http_status, "http_status", false},
    kind_row{fault_kind::business_error, "business_error", false},
    kind_row{fault_kind::unauthorized_text, "unauthorized_text", false},
    kind_row{fault_kind::unauthorized_envelope, "unauthorized_envelope", false},
    kind_row{fault_kind::malformed, "malformed", true},
    kind_row{fault_kind::empty_200, "empty_200", true},
    kind_row{fault_kind::html_200, "html_200", false},
    kind_row{fault_kind::oversize, "oversize", true},
    kind_row{fault_kind::null_data, "null_data", true},
    kind_row{fault_kind::wrong_amount, "wrong_amount", true},
    kind_row{fault_kind::wrong_currency, "wrong_currency", true},
    kind_row{fault_kind::null_amounts, "null_amounts", true},
    kind_row{fault_kind::amounts_as_strings, "amounts_as_strings", true},
    kind_row{fault_kind::message_instead_of_msg, "message_instead_of_msg", true},
    kind_row{fault_kind::odd_spelling, "odd_spelling", true},
    kind_row{fault_kind::extra_fields, "extra_fields", true},
    kind_row{fault_kind::foreign_session, "foreign_session", true},
    kind_row{fault_kind::missing_url, "missing_url", true},
    kind_row{fault_kind::set_fields, "set_fields", true},
};

constexpr std::array operations = {
    api_operation::create, api_operation::get_session, api_operation::get_order, api_operation::list_orders,
    api_operation::refund, api_operation::get_refund,  api_operation::unknown};

const kind_row& row_of(const std::string& name) {
    for (auto& row : kinds)
        if (row.name == name)
            return row;
    throw control_error("there is no fault \"" + name + "\"");
}

std::optional<api_operation> operation_of(const std::string& name) {
    if (name == "any")
        return std::nullopt;
    for (auto operation : operations)
        if (to_text(operation) == name)
            return operation;
    throw control_error("there is no operation \"" + name + "\"");
}

std::chrono::milliseconds find_ms(const json_value& from, std::string_view name, std::int64_t otherwise) {
    return std::chrono::milliseconds(find_integer(from, name).value_or(otherwise));
}

std::size_t default_bytes(fault_kind kind) {
    if (kind == fault_kind::oversize)
        return 4 * 1024 * 1024;
    return kind == fault_kind::slow_body ? 1 : 20;
}

} // namespace

std::string_view to_text(api_operation operation) {
    switch (operation) {
    case api_operation::create:
        return "create";
    case api_operation::get_session:
        return "get_session";
    case api_operation::get_order:
        return "get_order";
    case api_operation::list_orders:
        return "list_orders";
    case api_operation::refund:
        return "refund";
    case api_operation::get_refund:
        return "get_refund";
    case api_operation::unknown:
        return "unknown";
    }
    return {};
}

std::string_view to_text(fault_kind kind) {
    return std::ranges::find(kinds, kind, &kind_row::kind)->name;
}

fault read_fault(const json_value& from) {
    auto& row = row_of(find_text(from, "fault").value_or(""));
    fault result;
    result.kind = row.kind;
    result.operation = operation_of(find_text(from, "operation").value_or("any"));
    result.count = find_integer(from, "count").value_or(1);
    result.skip = find_integer(from, "skip").value_or(0);
    result.match = find_text(from, "match").value_or("");
    result.after_work = find_flag(from, "after_work").value_or(row.after_work);
    result.delay = find_ms(from, "delay_ms", row.kind == fault_kind::delay ? 1000 : 0);
    result.wait = find_ms(from, "wait_ms", row.kind == fault_kind::stall ? 120'000 : 20);
    result.bytes = static_cast<std::size_t>(
        find_integer(from, "bytes").value_or(static_cast<std::int64_t>(default_bytes(row.kind))));
    auto is_status = row.kind == fault_kind::http_status;
    result.status = static_cast<unsigned>(find_integer(from, "status").value_or(is_status ? 500 : 200));
    result.code = static_cast<int>(find_integer(from, "code").value_or(500));
    result.message = find_text(from, "msg").value_or("system error");
    result.body = find_text(from, row.kind == fault_kind::wrong_currency ? "currency" : "body")
                      .value_or(row.kind == fault_kind::wrong_currency ? "XTS" : "");
    result.factor = find_decimal(from, "factor").value_or(decimal::from_integer(100));
    auto* members = from.find(is_status ? "headers" : "fields");
    if (members && members->if_object())
        result.members = *members->if_object();
    if (result.status < 200 || result.status > 599)
        throw control_error("status must be between 200 and 599");
    return result;
}

json_value fault_json(const fault& which) {
    return json_object{{"id", which.id},
                       {"operation", which.operation ? to_text(*which.operation) : "any"},
                       {"fault", to_text(which.kind)},
                       {"count", which.count},
                       {"skip", which.skip},
                       {"match", which.match},
                       {"after_work", which.after_work},
                       {"hits", which.hits}};
}

std::uint64_t fault_queue::add(fault which) {
    which.id = next_id_++;
    return faults_.emplace_back(std::move(which)).id;
}

std::optional<fault> fault_queue::take(api_operation operation, const http_request& request) {
    for (auto at = faults_.begin(); at != faults_.end(); ++at) {
        if (at->operation.value_or(operation) != operation)
            continue;
        if (request.target.find(at->match) == std::string::npos
            && request.body.find(at->match) == std::string::npos)
            continue;
        if (at->skip > 0) {
            --at->skip;
            continue;
        }
        ++at->hits;
        auto taken = *at;
        if (at->count > 0 && --at->count == 0)
            faults_.erase(at);
        return taken;
    }
    return std::nullopt;
}

} // namespace clink_twin
