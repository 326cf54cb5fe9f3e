#include "checkout/order_desk.h"

#include "domain/settle.h"

namespace checkout {

namespace {

constexpr int cancel_tries = 16; ///< against others who change the same order

order_state state_when_cancelled(order_record order) {
    order.cancelled_at = order.read_at;
    return find_state(order);
}

} // namespace

boost::asio::awaitable<result<order_record>> order_desk::cancel(merchant_order_id id, call_context context) {
    for (int attempt = 0; attempt < cancel_tries; ++attempt) {
        auto order = co_await orders_.find_order(id);
        if (!order)
            co_return make_failure(errc::order_not_found, "There is no such order.");
        if (order->payment_count > 0)
            co_return make_failure(errc::order_already_paid, "A payment for this order is on record.");
        if (order->cancelled_at)
            co_return std::move(*order);
        try {
            co_await settlements_.cancel(order->key, order->version, state_when_cancelled(*order),
                                         context.request_id);
        } catch (const write_in_doubt&) {
            // Read back by the next turn.
        }
    }
    throw database_unavailable("a cancellation found the order changed every time");
}

} // namespace checkout
