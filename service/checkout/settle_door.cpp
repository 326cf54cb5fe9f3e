#include "checkout/settle_door.h"

#include "observe/crash_point.h"
#include "observe/metrics.h"

#include <algorithm>
#include <chrono>

namespace checkout {

namespace asio = boost::asio;

namespace {

bool knows_payments_after(order_record order, const settlement& change) {
    for (const auto& known : change.known_payments)
        std::ranges::replace_if(
            order.payments, [&](const payment_record& p) { return p.id == known.id; }, known);
    order.payments.insert(order.payments.end(), change.new_payments.begin(), change.new_payments.end());
    return knows_payments(order, change.attempt);
}

/// Payments that are on record now and were not before.
void count_payments(const std::vector<payment_record>& found, evidence source) {
    using clock = std::chrono::system_clock;
    for (const auto& payment : found) {
        metrics().payments.add({to_string(payment.verdict)});
        if (payment.payment_time)
            metrics().time_to_know.observe(
                {to_string(source)}, std::max<clock::duration>(clock::now() - *payment.payment_time, {}));
    }
}

} // namespace

asio::awaitable<bool> settle_door::pass(const order_record& order, settlement change,
                                        settlement_evidence found) {
    if (change.asked_session) {
        const auto session = after(*order.find_session(change.attempt), change, order.read_at);
        change.next_check =
            find_next_check(session, knows_payments_after(order, change), order.read_at, policy_);
    }
    if (!change.changes()) {
        co_await settlements_.note_check(order.key, std::move(change), std::move(found.request_id));
        co_return true;
    }
    crash_point("settle.decided");
    const auto new_payments = change.new_payments;
    const auto source = change.source;
    try {
        const bool written =
            co_await settlements_.apply(order.key, order.version, std::move(change), std::move(found));
        crash_point("settle.written");
        if (written)
            count_payments(new_payments, source);
        co_return written;
    } catch (const write_in_doubt&) {
        // Settled again from what is then on record.
    }
    co_return false;
}

} // namespace checkout
