// Faults on demand: a queue that tests fill over the control API and that the merchant API consults at every
// call. Each fault says whether the work is still done, what the answer becomes, and what happens on the
// wire. Table: README.md.
#pragma once

#include "json_access.h"
#include "listener.h"

#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <string_view>

namespace clink_twin {

enum class api_operation { create, get_session, get_order, list_orders, refund, get_refund, unknown };
std::string_view to_text(api_operation operation);

enum class fault_kind {
    // on the wire
    lost_answer,
    close,
    reset,
    stall,
    truncate,
    slow_body,
    close_after_answer,
    // another answer
    delay,
    http_status,
    business_error,
    unauthorized_text,
    unauthorized_envelope,
    malformed,
    empty_200,
    html_200,
    oversize,
    null_data,
    // Clink's answer, bent
    wrong_amount,
    wrong_currency,
    null_amounts,
    amounts_as_strings,
    message_instead_of_msg,
    odd_spelling,
    extra_fields,
    foreign_session,
    missing_url,
    set_fields,
};

std::string_view to_text(fault_kind kind);

struct fault {
    std::uint64_t id = 0;
    std::optional<api_operation> operation; ///< nothing: any
    fault_kind kind = fault_kind::lost_answer;
    std::int64_t count = 1; ///< how many calls; 0: until deleted
    std::int64_t skip = 0;  ///< calls let through before
    std::string match;      ///< only calls whose target or body holds this text
    bool after_work = false;
    std::chrono::milliseconds delay{0}; ///< before the answer, and before the work unless after_work
    std::chrono::milliseconds wait{0};  ///< stall: how long; slow_body: between steps
    std::size_t bytes = 0;
    unsigned status = 500;
    int code = 500;
    std::string message;
    std::string body;
    decimal factor;
    json_object members; ///< set_fields; headers of http_status
    std::int64_t hits = 0;
};

/// Reads a fault as README.md describes it; throws control_error.
fault read_fault(const json_value& description);
json_value fault_json(const fault& which);

/// Turns Clink's answer into what the fault makes of it. `reply` is empty when the work was not done.
void apply_fault(const fault& which, wire_reply& reply);

class fault_queue {
public:
    std::uint64_t add(fault which);
    /// The first fault that wants this call, which counts as hit.
    std::optional<fault> take(api_operation operation, const http_request& request);
    const std::list<fault>& all() const { return faults_; }
    void clear() { faults_.clear(); }

private:
    std::list<fault> faults_;
    std::uint64_t next_id_ = 1;
};

} // namespace clink_twin
