#include "domain/settle.h"

#include <algorithm>
#include <iterator>

namespace checkout {

namespace {

template <class Record>
auto* find_by(std::vector<Record>& records, auto member, const auto& value) {
    const auto found = std::ranges::find(records, value, member);
    return found == records.end() ? nullptr : &*found;
}

/// Takes over what Clink says now; false when it is what was known. What is known of a refund that succeeded
/// does not change any more.
bool learn(refund_record& known, const refund_facts& said) {
    const bool settled = known.status == refund_status::success;
    const auto before = std::tuple(known.status, known.amount, known.currency, known.failure_code);
    if (said.status != refund_status::unknown && !settled)
        known.status = said.status;
    if (said.amount && !(settled && known.amount))
        known.amount = said.amount;
    if (said.currency && !(settled && known.currency))
        known.currency = said.currency;
    if (said.failure_code)
        known.failure_code = said.failure_code;
    return before != std::tuple(known.status, known.amount, known.currency, known.failure_code);
}

refund_record make_record(const refund_facts& said, evidence source) {
    refund_record made;
    made.clink_id = said.refund_id;
    made.order_id = said.order_id;
    made.refund_merchant_order_id = said.refund_merchant_order_id;
    made.reason = said.reason;
    made.refund_time = said.create_time;
    made.found_by = source;
    learn(made, said);
    return made;
}

/// One refund being settled with its order.
class settling_refund {
public:
    settling_refund(const order_record& order, const refund_facts& said, evidence source)
        : after_(order),
          said_(said),
          state_before_(order.state) {
        out_.source = source;
        out_.asked_session = false;
        out_.attempt = order.sessions.back().id;
    }

    settlement run() {
        auto* payment = find_by(after_.payments, &payment_record::order_id, std::optional(said_.order_id));
        if (payment != nullptr)
            out_.attempt = payment->attempt;
        record(payment);
        if (payment != nullptr)
            count(*payment);
        out_.payment_count = after_.payment_count;
        out_.refund_count = after_.refund_count;
        out_.state = find_state(after_);
        if (state_before_ == order_state::overpaid && out_.state != order_state::overpaid)
            out_.closings.push_back({.kind = discrepancy_kind::duplicate_payment,
                                     .attempt = {},
                                     .subject = {},
                                     .resolution = "refunded"});
        return std::move(out_);
    }

private:
    void record(const payment_record* payment) {
        auto* stored = find_by(after_.refunds, &refund_record::clink_id, said_.refund_id);
        const bool is_new = stored == nullptr;
        bool changed = is_new;
        if (is_new) {
            ++after_.refund_count;
            after_.refunds.push_back(make_record(said_, out_.source));
            stored = &after_.refunds.back();
        } else {
            changed = learn(*stored, said_);
        }
        if (payment != nullptr && !stored->payment) {
            stored->payment = payment->id;
            changed = true;
            close("its payment is on record");
        }
        if (!stored->payment)
            open(discrepancy_kind::refund_without_payment);
        if (stored->status == refund_status::success && is_final(said_.status)
            && said_.status != stored->status)
            open(discrepancy_kind::amount_mismatch, {{"clinkStatus", std::string(to_string(said_.status))}});
        if (!changed)
            return;
        out_.refunds.push_back(*stored);
        note(is_new ? "refund_recorded" : "refund_updated", *stored);
    }

    void count(payment_record& payment) {
        auto total = total_refunds(after_.refunds, payment);
        std::ranges::move(total.discrepancies, std::back_inserter(out_.discrepancies));
        if (!(payment.refunded_amount < total.sum))
            return;
        payment.refunded_amount = total.sum;
        out_.known_payments.push_back(payment);
        if (out_.refunds.empty())
            note("refund_counted", *find_by(after_.refunds, &refund_record::clink_id, said_.refund_id));
    }

    void note(std::string kind, const refund_record& refund) {
        event_draft event{.kind = std::move(kind), .attempt = {}, .data = {}};
        if (refund.payment)
            event.attempt = out_.attempt;
        event.data["refundId"] = refund.clink_id.str();
        event.data["clinkOrderId"] = refund.order_id.str();
        event.data["status"] = to_string(refund.status);
        if (refund.amount)
            event.data["refundAmount"] = refund.amount->to_string();
        if (refund.currency)
            event.data["refundCurrency"] = *refund.currency;
        out_.events.push_back(std::move(event));
    }

    /// About the refund itself.
    void open(discrepancy_kind kind, std::map<std::string, std::string> detail = {}) {
        detail.insert({{"refundId", said_.refund_id.str()}, {"clinkOrderId", said_.order_id.str()}});
        out_.discrepancies.push_back({.kind = kind,
                                      .subject = subject_of_refund(said_.refund_id),
                                      .attempt = out_.attempt,
                                      .detail = std::move(detail)});
    }

    void close(std::string resolution) {
        out_.closings.push_back({.kind = discrepancy_kind::refund_without_payment,
                                 .attempt = {},
                                 .subject = subject_of_refund(said_.refund_id),
                                 .resolution = std::move(resolution)});
    }

    order_record after_;
    const refund_facts& said_;
    const order_state state_before_;
    settlement out_;
};

} // namespace

settlement settle_refund(const order_record& order, const refund_facts& refund, evidence source) {
    return settling_refund(order, refund, source).run();
}

} // namespace checkout
