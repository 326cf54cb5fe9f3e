// Strong types for the identifiers that must not be mixed up.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

namespace checkout {

/// A string of one meaning. Empty means "not set" only where a declaration says so.
template <class Tag>
class text_id {
public:
    text_id() = default;
    explicit text_id(std::string value) : value_(std::move(value)) {}
    const std::string& str() const { return value_; }
    bool empty() const { return value_.empty(); }
    auto operator<=>(const text_id&) const = default;

private:
    std::string value_;
};

using merchant_order_id =
    text_id<struct merchant_order_id_tag>;         ///< the merchant's; Clink's merchantReferenceId
using attempt_id = text_id<struct attempt_id_tag>; ///< ours, a UUID; Clink's metadata.checkoutAttemptId
using clink_session_id = text_id<struct clink_session_id_tag>; ///< Clink's, "sess_…", opaque
using clink_order_id = text_id<struct clink_order_id_tag>;     ///< Clink's, "order_…", opaque
using clink_refund_id = text_id<struct clink_refund_id_tag>;   ///< Clink's, "rfd_…", opaque
using clink_dispute_id = text_id<struct clink_dispute_id_tag>; ///< Clink's, "cbi_…", opaque

/// The database's key of an order.
enum class order_key : std::int64_t {};

} // namespace checkout
