// Clink's resources as its JSON: the answers of the API and the objects inside webhooks
// (clink-api.md 2.5, 3.2, 5.6).
#pragma once

#include "json_access.h"
#include "model.h"

#include <string>
#include <string_view>
#include <unordered_map>

namespace clink_twin {

std::string_view to_text(session_status status);
std::string_view to_text(payment_status status);
std::string_view to_text(order_status status);
std::string_view to_text(refund_status status);

/// The path of a session's hosted page, secret included: "/pay/sess_…%23…" (2.5).
std::string page_path(const session& of);

json_object created_session_json(const session& of, json_value url);
json_object session_json(const session& of);
/// The body that a real paid checkout was seen to send (5.6): most of it null.
json_object null_heavy_session_json(const session& of);
/// `createTime` is in the API's answers and was absent from webhooks.
json_object order_json(const order& of, bool with_create_time);
json_object refund_json(const refund& of);
json_object dispute_json(const dispute& of);

/// Members that a test put over a session's or an order's own, by id: how Clink may come to differ from
/// itself.
class override_book {
public:
    void put(const std::string& id, const json_object& members);
    void apply(const std::string& id, json_object& onto) const;
    void clear() { members_.clear(); }

private:
    std::unordered_map<std::string, json_object> members_;
};

} // namespace clink_twin
