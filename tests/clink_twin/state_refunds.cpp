// What gives money back: refunds and disputes of paid orders (clink-api.md sections 5.6 and 6).
#include "state.h"

namespace clink_twin {

namespace {

refusal order_not_found() {
    return {404, "ORDER_NOT_FOUND"};
}

std::vector<event> dispute_outcome(const dispute& which) {
    switch (which.status) {
    case dispute_status::pending:
        return {};
    case dispute_status::processing:
        return {{"dispute.updated", which}};
    case dispute_status::won:
        return {{"dispute.won", which}, {"dispute.closed", which}};
    case dispute_status::lost:
        return {{"dispute.lost", which}, {"dispute.closed", which}};
    case dispute_status::withdrawn:
        return {{"dispute.closed", which}};
    }
    return {};
}

} // namespace

outcome<const refund*> twin_state::refund_order(const refund_terms& terms, instant now) {
    if (auto* known = look_up(refund_by_merchant_id_, terms.merchant_refund_id))
        return known;
    auto* of = look_up(order_by_id_, terms.order_id);
    if (!of)
        return order_not_found();
    if (of->status != order_status::success && of->status != order_status::partial_refunded)
        return refusal{409, of->status == order_status::refunded ? "already_refunded" : "ORDER_NOT_PAID"};
    auto refunding = decimal::add(of->refunding, terms.amount);
    auto promised = refunding ? decimal::add(*refunding, of->refunded) : std::nullopt;
    if (!promised || *promised > of->amount_total)
        return refusal{409, "REFUND_AMOUNT_EXCEEDED"};
    of->refunding = *refunding;
    auto& made = refunds_.emplace_back();
    made.id = make_id("rfd_");
    made.merchant_refund_id = terms.merchant_refund_id;
    made.order_id = of->id;
    made.customer_id = of->customer_id;
    made.instrument_id = of->instrument_id;
    made.amount = terms.amount;
    made.currency = of->payment_currency;
    made.reason = terms.reason;
    made.merchant_reference_id = of->merchant_reference_id;
    made.create_time = now;
    refund_by_id_.emplace(made.id, &made);
    refund_by_merchant_id_.emplace(made.merchant_refund_id, &made);
    sink_({{"refund.created", made}});
    auto wanted = terms.outcome.value_or(settings_.refunds);
    if (wanted != refund_outcome::pending)
        finish_refund(made, wanted == refund_outcome::success, terms.failure_code);
    return &made;
}

outcome<const refund*> twin_state::settle_refund(std::string_view refund_id, bool success,
                                                 const std::string& failure_code) {
    auto* which = look_up(refund_by_id_, refund_id);
    if (!which)
        return refusal{404, "REFUND_NOT_FOUND"};
    if (which->status != refund_status::created)
        return refusal{409, "REFUND_ENDED"};
    if (!look_up(order_by_id_, which->order_id))
        return order_not_found();
    finish_refund(*which, success, failure_code);
    return which;
}

void twin_state::finish_refund(refund& which, bool success, const std::string& failure_code) {
    auto& of = *look_up(order_by_id_, which.order_id);
    of.refunding = decimal::subtract(of.refunding, which.amount).value();
    if (!success) {
        which.status = refund_status::failed;
        which.failure_code = failure_code;
        sink_({{"refund.failed", which}});
        return;
    }
    which.status = refund_status::success;
    of.refunded = decimal::add(of.refunded, which.amount).value();
    of.status = of.refunded == of.amount_total ? order_status::refunded : order_status::partial_refunded;
    sink_({{"refund.succeeded", which}});
}

outcome<const dispute*> twin_state::open_dispute(std::string_view order_id, const dispute_terms& terms,
                                                 instant now) {
    auto* of = look_up(order_by_id_, order_id);
    if (!of)
        return order_not_found();
    auto& made = disputes_.emplace_back();
    made.id = make_id("cbi_");
    made.order_id = of->id;
    made.customer_id = of->customer_id;
    made.merchant_reference_id = of->merchant_reference_id;
    made.amount = terms.amount.value_or(of->amount_total);
    made.currency = of->payment_currency;
    made.original_amount = of->amount_subtotal;
    made.original_currency = of->original_currency;
    made.opened = now;
    sink_({{"dispute.created", made}});
    made.status = terms.status;
    if (auto events = dispute_outcome(made); !events.empty())
        sink_(std::move(events));
    return &made;
}

} // namespace clink_twin
