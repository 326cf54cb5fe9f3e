#include "checkout/refund_settler.h"

#include <algorithm>

namespace checkout {

namespace asio = boost::asio;

namespace {

instant now_here() {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

/// Nothing more is to be learned of the refund than whether it comes about.
bool is_complete(const order_record& order, const refund_facts& refund) {
    const bool paid = std::ranges::any_of(
        order.payments, [&](const payment_record& p) { return p.order_id == refund.order_id; });
    return paid && refund.amount && refund.currency;
}

} // namespace

refund_settler::refund_settler(order_store& orders, refund_store& refunds, settle_door& door,
                               session_settler& sessions, clink_questions& questions, clink_client& clink)
    : orders_(orders),
      refunds_(refunds),
      door_(door),
      sessions_(sessions),
      questions_(questions),
      clink_(clink) {}

asio::awaitable<refund_result> refund_settler::ask(clink_refund_id id, instant since, evidence source,
                                                   call_context context) {
    refund_result result;
    for (int attempt = 1; attempt <= settle_tries; ++attempt) {
        auto exchange = co_await clink_.get_refund(id, context);
        ++result.asked.calls;
        if (!exchange.answer) {
            result.asked.outcome = outcome_of(exchange.report);
            co_return result;
        }
        result.asked.outcome = question_outcome::answered;
        const auto facts = std::move(*exchange.answer);
        const auto [order, asked] = co_await find_order(facts, source, context);
        result.asked.calls += asked.calls;
        if (asked.outcome == question_outcome::unreachable) {
            result.asked.outcome = question_outcome::incomplete;
            co_return result;
        }
        if (!order) {
            const auto next = find_next_refund_check(facts.status, false, since, now_here(), door_.policy());
            co_await refunds_.record_stray(facts, source, next, context.request_id);
            co_return result;
        }
        result.order = order->key;
        auto change = settle_refund(*order, facts, source);
        change.next_check = find_next_refund_check(facts.status, is_complete(*order, facts), since,
                                                   now_here(), door_.policy());
        if (!change.changes()) {
            co_await refunds_.note_check(id, order->key, std::move(change), context.request_id);
            co_return result;
        }
        settlement_evidence found{.clink_body = std::move(exchange.report.sanitised_body),
                                  .request_id = context.request_id};
        if (co_await door_.pass(*order, std::move(change), std::move(found)))
            co_return result;
    }
    throw database_unavailable("a refund found its order changed every time");
}

/// A payment that nobody has heard of yet may be what was refunded: its session is asked first.
asio::awaitable<refund_settler::refunded_order>
refund_settler::find_order(const refund_facts& refund, evidence source, call_context context) {
    refunded_order found;
    found.order = co_await orders_.find_order_of(refund.order_id);
    found.asked.outcome = question_outcome::answered;
    const bool paid = found.order && std::ranges::any_of(found.order->payments, [&](const payment_record& p) {
                          return p.order_id == refund.order_id;
                      });
    if (paid)
        co_return found;
    auto asked = co_await ask_for_order(refund.order_id, source, std::move(context));
    if (!asked.order)
        asked.order = std::move(found.order); // by its reference, when it was heard of first
    co_return asked;
}

asio::awaitable<refund_settler::refunded_order>
refund_settler::ask_for_order(clink_order_id id, evidence source, call_context context) {
    const auto heard = co_await questions_.hear_order(id, context);
    refunded_order found;
    found.asked = heard.result;
    if (!heard.order)
        co_return found;
    if (const auto& session = heard.order->session_id) {
        const auto asked = co_await sessions_.ask(*session, source, context, id);
        found.asked.calls += asked.calls;
        found.order = co_await orders_.find_order_of(*session);
        if (found.order) {
            found.asked.outcome = asked.outcome;
            co_return found;
        }
    }
    if (const auto& reference = heard.order->merchant_reference_id)
        found.order = co_await orders_.find_order(merchant_order_id(*reference));
    co_return found;
}

} // namespace checkout
