#include "state.h"

#include "crypto/digest.h"

#include <chrono>
#include <stdexcept>

namespace clink_twin {

namespace {

refusal session_not_found() {
    return {404, "SESSION_NOT_FOUND"};
}
} // namespace

void throw_exception_from_error(const refusal& error, const boost::source_location&) {
    throw std::runtime_error("refused: " + error.message);
}

std::string make_id(std::string_view prefix) {
    return std::string(prefix) + checkout::to_hex(checkout::random_bytes(12));
}

twin_state::twin_state(const twin_settings& settings, event_sink sink)
    : settings_(settings),
      sink_(std::move(sink)),
      customers_([] { return make_id("cus_"); }) {}

outcome<const session*> twin_state::create_session(session_terms terms, std::string raw_body, instant now) {
    auto who = customers_.resolve(terms.who);
    if (!who)
        return who.error();
    session made;
    made.id = make_id("sess_");
    made.token = checkout::to_base64url(checkout::random_bytes(24));
    made.customer_id = who->id;
    made.customer_email = who->email;
    made.raw_body = std::move(raw_body);
    made.created = now;
    // Clink's times have whole seconds; rounding up keeps a session from expiring before the time that it
    // shows.
    made.expires = std::chrono::ceil<std::chrono::seconds>(now)
                   + std::chrono::seconds(settings_.session_lifetime_seconds);
    made.terms = std::move(terms);
    auto& kept = sessions_.emplace_back(std::move(made));
    session_by_id_.emplace(kept.id, &kept);
    sessions_by_reference_[kept.terms.merchant_reference_id.value_or("")].push_back(&kept);
    expiries_.emplace(kept.expires, &kept);
    return &kept;
}

void twin_state::expire(session& which, std::vector<event>& events) {
    which.status = session_status::expired;
    expiries_.erase({which.expires, &which});
    events.push_back({"session.expired", which});
}

outcome<const session*> twin_state::expire(std::string_view session_id) {
    auto* which = look_up(session_by_id_, session_id);
    if (!which)
        return session_not_found();
    if (which->status == session_status::completed)
        return refusal{409, "SESSION_COMPLETED"};
    if (which->status == session_status::expired)
        return which;
    std::vector<event> events;
    expire(*which, events);
    sink_(std::move(events));
    return which;
}

void twin_state::expire_due(instant now) {
    while (!expiries_.empty() && expiries_.begin()->first <= now) {
        std::vector<event> events;
        expire(*expiries_.begin()->second, events);
        sink_(std::move(events));
    }
}

std::optional<instant> twin_state::next_expiry() const {
    return expiries_.empty() ? std::nullopt : std::optional(expiries_.begin()->first);
}

void twin_state::leave(std::string_view session_id) {
    if (auto* found = look_up(session_by_id_, session_id))
        ++found->left;
}

const session* twin_state::find_session(std::string_view id) const {
    return look_up(session_by_id_, id);
}

const order* twin_state::find_order(std::string_view id) const {
    return look_up(order_by_id_, id);
}

const refund* twin_state::find_refund(std::string_view id) const {
    return look_up(refund_by_id_, id);
}

std::vector<const order*> twin_state::find_orders(const order_filter& filter) const {
    std::vector<const order*> found;
    auto keep = [&](const order& each) {
        if (!each.is_forgotten && (filter.customer_id.empty() || each.customer_id == filter.customer_id)
            && (filter.subscription_id.empty() || each.subscription_id == filter.subscription_id))
            found.push_back(&each);
    };
    if (filter.merchant_reference_id.empty()) {
        for (auto& each : orders_)
            keep(each);
        return found;
    }
    auto of = orders_by_reference_.find(filter.merchant_reference_id);
    if (of != orders_by_reference_.end())
        for (auto* each : of->second)
            keep(*each);
    return found;
}

std::vector<const order*> twin_state::find_orders_of_session(const session& of) const {
    auto found = orders_by_session_.find(of.id);
    if (found == orders_by_session_.end())
        return {};
    return {found->second.begin(), found->second.end()};
}

std::vector<const session*> twin_state::find_sessions(std::string_view merchant_reference_id) const {
    std::vector<const session*> found;
    if (merchant_reference_id.empty()) {
        for (auto& each : sessions_)
            if (!each.is_forgotten)
                found.push_back(&each);
        return found;
    }
    auto of = sessions_by_reference_.find(std::string(merchant_reference_id));
    if (of != sessions_by_reference_.end())
        found.assign(of->second.begin(), of->second.end());
    return found;
}

std::vector<const refund*> twin_state::find_refunds(std::string_view order_id) const {
    std::vector<const refund*> found;
    for (auto& each : refunds_)
        if (each.order_id == order_id)
            found.push_back(&each);
    return found;
}

void twin_state::forget_session(std::string_view id) {
    auto* which = look_up(session_by_id_, id);
    if (!which)
        return;
    which->is_forgotten = true;
    expiries_.erase({which->expires, which});
    unlist(sessions_by_reference_, which->terms.merchant_reference_id.value_or(""), which);
    session_by_id_.erase(which->id);
}

void twin_state::forget_order(std::string_view id) {
    auto* which = look_up(order_by_id_, id);
    if (!which)
        return;
    which->is_forgotten = true;
    unlist(orders_by_reference_, which->merchant_reference_id.value_or(""), which);
    unlist(orders_by_session_, which->session_id, which);
    order_by_id_.erase(which->id);
}

void twin_state::clear() {
    session_by_id_.clear();
    order_by_id_.clear();
    refund_by_id_.clear();
    refund_by_merchant_id_.clear();
    sessions_by_reference_.clear();
    orders_by_reference_.clear();
    orders_by_session_.clear();
    expiries_.clear();
    sessions_.clear();
    orders_.clear();
    refunds_.clear();
    disputes_.clear();
    customers_.clear();
}

} // namespace clink_twin
