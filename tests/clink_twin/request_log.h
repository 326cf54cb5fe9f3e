// What the merchant API was asked, for tests to read: every call with its body as received, and counters that
// outlive the log's bounded length. The API key is never kept.
#pragma once

#include "faults.h"
#include "json_access.h"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>

namespace clink_twin {

struct logged_request {
    std::uint64_t number = 0;
    instant at;
    std::uint64_t connection = 0;
    api_operation operation = api_operation::unknown;
    std::string method;
    std::string target;
    text_map headers;
    std::string body;
    std::string merchant_reference_id; ///< of the create's body, the list's filter or the resource asked for
    std::string fault;                 ///< empty: none
    unsigned status = 0; ///< of the answer made, 0 before; a fault may have kept it from leaving
};

class request_log {
public:
    /// Logs a call as it arrives; its number is for `finish`.
    std::uint64_t add(logged_request entry);
    /// Adds what became of it.
    void finish(std::uint64_t number, unsigned status, std::string fault);
    void clear();
    /// Entries with a number over `after`, oldest first.
    json_value entries(std::string_view operation, std::string_view reference, std::uint64_t after) const;
    /// {"requests": {operation: n}, "creates_by_reference": {reference: n}, "answers": {status: n}}
    json_value counters() const;

private:
    static constexpr std::size_t max_entries = 20'000;
    std::deque<logged_request> entries_;
    std::uint64_t next_number_ = 1;
    std::map<api_operation, std::uint64_t> by_operation_;
    std::map<unsigned, std::uint64_t> by_status_;
    std::unordered_map<std::string, std::uint64_t> creates_by_reference_;
};

} // namespace clink_twin
