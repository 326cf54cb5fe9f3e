#include "request_log.h"

namespace clink_twin {

namespace {

json_value entry_json(const logged_request& entry) {
    return json_object{{"number", entry.number},
                       {"at", checkout::to_rfc3339(entry.at)},
                       {"connection", entry.connection},
                       {"operation", to_text(entry.operation)},
                       {"method", entry.method},
                       {"target", entry.target},
                       {"headers", map_json(entry.headers)},
                       {"body", entry.body},
                       {"merchantReferenceId", entry.merchant_reference_id},
                       {"fault", entry.fault.empty() ? json_value() : json_value(entry.fault)},
                       {"status", static_cast<std::int64_t>(entry.status)}};
}

} // namespace

std::uint64_t request_log::add(logged_request entry) {
    ++by_operation_[entry.operation];
    if (entry.operation == api_operation::create)
        ++creates_by_reference_[entry.merchant_reference_id];
    entry.number = next_number_++;
    entries_.push_back(std::move(entry));
    if (entries_.size() > max_entries)
        entries_.pop_front();
    return next_number_ - 1;
}

void request_log::finish(std::uint64_t number, unsigned status, std::string fault) {
    ++by_status_[status];
    // Numbers are dense, so the place follows from the number; a reset or the bound may have removed it.
    if (entries_.empty() || number < entries_.front().number || number > entries_.back().number)
        return;
    auto& entry = entries_[number - entries_.front().number];
    entry.status = status;
    entry.fault = std::move(fault);
}

void request_log::clear() {
    auto next = next_number_; // a call under way must not finish another's entry
    *this = request_log();
    next_number_ = next;
}

json_value request_log::entries(std::string_view operation, std::string_view reference,
                                std::uint64_t after) const {
    json_array found;
    for (auto& entry : entries_)
        if (entry.number > after && (operation.empty() || to_text(entry.operation) == operation)
            && (reference.empty() || entry.merchant_reference_id == reference))
            found.push_back(entry_json(entry));
    return found;
}

json_value request_log::counters() const {
    json_object requests;
    for (auto& [operation, count] : by_operation_)
        requests.push_back({std::string(to_text(operation)), count});
    json_object answers;
    for (auto& [status, count] : by_status_)
        answers.push_back({std::to_string(status), count});
    json_object creates;
    for (auto& [reference, count] : creates_by_reference_)
        creates.push_back({reference, count});
    return json_object{{"requests", std::move(requests)},
                       {"answers", std::move(answers)},
                       {"creates_by_reference", std::move(creates)}};
}

} // namespace clink_twin
