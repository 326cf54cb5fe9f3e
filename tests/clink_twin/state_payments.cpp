// What a payment costs, and what its success, failure or waiting does (clink-api.md sections 3.4, 5.6, 9.2
// and 10).
#include "state.h"

#include "money.h"

namespace clink_twin {

namespace {

refusal session_not_found() {
    return {404, "SESSION_NOT_FOUND"};
}

refusal does_not_fit() {
    return {400, "the amount does not fit"};
}

/// 5.6: an order of a session without a reference says the text "null".
std::optional<std::string> reference_on_order(const session& of) {
    return of.terms.merchant_reference_id.value_or("null");
}

/// The order as it was when it had just been made.
event created_event(order made) {
    made.status = order_status::created;
    made.payment_time.reset();
    made.failure_code.clear();
    made.failure_message.clear();
    return {"order.created", std::move(made)};
}

std::string default_method(const session& of) {
    return of.terms.payment_method_type.empty() ? "CARD" : of.terms.payment_method_type;
}

} // namespace

outcome<session*> twin_state::payable_session(std::string_view id, const payment_choice& choice) {
    auto* found = look_up(session_by_id_, id);
    if (!found)
        return session_not_found();
    if (found->payment == payment_status::paid)
        return refusal{409, "SESSION_COMPLETED"};
    if (found->payment == payment_status::processing)
        return refusal{409, "PAYMENT_PROCESSING"};
    if (found->status != session_status::open && !choice.after_expiry)
        return refusal{409, "SESSION_EXPIRED"};
    return found;
}

outcome<decimal> twin_state::discount(const session& of, const payment_choice& choice) const {
    if (choice.discount)
        return *choice.discount;
    auto code = choice.promotion_code.value_or(of.terms.promotion_code);
    if (code.empty() || !of.terms.allow_promotion_codes) {
        if (choice.promotion_code && !code.empty())
            return refusal{400, "PROMOTION_CODE_NOT_ALLOWED"};
        return decimal();
    }
    auto found = settings_.promotions.find(code);
    if (found == settings_.promotions.end()) {
        if (choice.promotion_code)
            return refusal{400, "PROMOTION_CODE_INVALID"};
        return decimal(); // a pre-filled code that is unknown discounts nothing
    }
    auto digits = currency_digits(of.terms.original_currency);
    auto percent = scale_amount(of.terms.original_amount, found->second.percent_off, 2, digits);
    auto total = percent ? decimal::add(*percent, found->second.amount_off) : std::nullopt;
    if (!total)
        return does_not_fit();
    return *total;
}

outcome<decimal> twin_state::price(const session& of, const payment_choice& choice) const {
    if (choice.amount_total)
        return *choice.amount_total;
    auto off = discount(of, choice);
    if (!off)
        return off.error();
    auto net = decimal::subtract(of.terms.original_amount, *off);
    if (!net)
        return does_not_fit();
    if (net->is_negative() || net->is_zero())
        return refusal{400, "the discount leaves nothing to pay"};
    auto& currency = choice.payment_currency.empty() ? of.terms.original_currency : choice.payment_currency;
    if (currency != of.terms.original_currency) {
        if (!choice.exchange_rate)
            return refusal{400, "another payment currency needs exchange_rate or amountTotal"};
        net = scale_amount(*net, *choice.exchange_rate, 0, currency_digits(currency));
    }
    auto total = net ? decimal::add(*net, choice.surcharge.value_or(settings_.surcharge)) : std::nullopt;
    if (!total)
        return does_not_fit();
    return *total;
}

outcome<order*> twin_state::add_order(session& of, const payment_choice& choice, instant now) {
    auto total = price(of, choice);
    if (!total)
        return total.error();
    order made;
    made.id = make_id("order_");
    made.type = choice.recurring ? order_type::recurring : order_type::onetime;
    made.session_id = of.id;
    made.merchant_reference_id = reference_on_order(of);
    made.customer_id = of.customer_id;
    made.customer_email = of.customer_email;
    made.price_id = of.terms.price_id;
    made.product_id = of.terms.product_id;
    made.items = of.terms.items;
    made.payment_method = choice.method.empty() ? default_method(of) : choice.method;
    made.instrument_id = make_id("pi_");
    if (made.payment_method == "CARD") {
        made.card_scheme = choice.card_scheme;
        made.card_last_four = choice.card_last_four;
    }
    made.amount_subtotal = of.terms.original_amount;
    made.amount_total = *total;
    made.payment_currency =
        choice.payment_currency.empty() ? of.terms.original_currency : choice.payment_currency;
    made.original_currency = of.terms.original_currency;
    made.create_time = now;
    if (settings_.metadata_on_orders)
        made.metadata = of.terms.metadata;
    if (choice.recurring) {
        made.subscription_id = of.subscription_id.value_or(make_id("sub_"));
        made.invoice_id = make_id("inv_");
    }
    auto& kept = orders_.emplace_back(std::move(made));
    order_by_id_.emplace(kept.id, &kept);
    orders_by_reference_[kept.merchant_reference_id.value_or("")].push_back(&kept);
    orders_by_session_[of.id].push_back(&kept);
    return &kept;
}

void twin_state::complete(session& of, order& by, bool stays_expired, instant now) {
    by.status = order_status::success;
    by.payment_time = now;
    of.payment = payment_status::paid;
    if (!stays_expired || of.status != session_status::expired)
        of.status = session_status::completed;
    of.amount_total = by.amount_total;
    of.payment_currency = by.payment_currency;
    of.order_id = by.id;
    of.subscription_id = by.subscription_id;
    of.invoice_id = by.invoice_id;
    of.processing_order.clear();
    of.last_failure.clear();
    expiries_.erase({of.expires, &of});
}

outcome<const order*> twin_state::pay(std::string_view session_id, const payment_choice& choice,
                                      instant now) {
    auto of = payable_session(session_id, choice);
    if (!of)
        return of.error();
    auto made = add_order(**of, choice, now);
    if (!made)
        return made.error();
    complete(**of, **made, choice.stays_expired, now);
    sink_({created_event(**made), {"order.succeeded", **made}, {"session.complete", **of}});
    return *made;
}

outcome<const order*> twin_state::fail(std::string_view session_id, const payment_choice& choice,
                                       instant now) {
    auto of = payable_session(session_id, choice);
    if (!of)
        return of.error();
    auto made = add_order(**of, choice, now);
    if (!made)
        return made.error();
    auto& failed = **made;
    failed.status = order_status::failed;
    failed.failure_code = choice.failure_code;
    failed.failure_message = choice.failure_message;
    failed.payment_time = now;
    (*of)->last_failure = choice.failure_message;
    sink_({created_event(failed), {"order.failed", failed}});
    return &failed;
}

outcome<const order*> twin_state::process(std::string_view session_id, const payment_choice& choice,
                                          instant now) {
    auto of = payable_session(session_id, choice);
    if (!of)
        return of.error();
    auto made = add_order(**of, choice, now);
    if (!made)
        return made.error();
    auto& waiting = **made;
    waiting.status = choice.waiting;
    (*of)->payment = payment_status::processing;
    (*of)->processing_order = waiting.id;
    (*of)->last_failure.clear();
    std::vector<event> events = {created_event(waiting)};
    if (waiting.status == order_status::requires_action)
        events.push_back({"order.next_action", waiting});
    sink_(std::move(events));
    return &waiting;
}

outcome<const order*> twin_state::settle(std::string_view session_id, bool success,
                                         const payment_choice& choice, instant now) {
    auto* of = look_up(session_by_id_, session_id);
    if (!of)
        return session_not_found();
    auto* waiting = look_up(order_by_id_, of->processing_order);
    if (!waiting)
        return refusal{409, "NO_PAYMENT_PROCESSING"};
    if (success) {
        complete(*of, *waiting, choice.stays_expired, now);
        sink_({{"order.succeeded", *waiting}, {"session.complete", *of}});
        return waiting;
    }
    waiting->status = order_status::failed;
    waiting->failure_code = choice.failure_code;
    waiting->failure_message = choice.failure_message;
    waiting->payment_time = now;
    of->payment = payment_status::unpaid;
    of->processing_order.clear();
    of->last_failure = choice.failure_message;
    sink_({{"order.failed", *waiting}});
    return waiting;
}

outcome<const order*> twin_state::renew(std::string_view session_id, instant now) {
    auto* of = look_up(session_by_id_, session_id);
    if (!of)
        return session_not_found();
    if (!of->subscription_id)
        return refusal{409, "NO_SUBSCRIPTION"};
    payment_choice choice;
    choice.recurring = true;
    auto made = add_order(*of, choice, now);
    if (!made)
        return made.error();
    (*made)->status = order_status::success;
    (*made)->payment_time = now;
    sink_({created_event(**made), {"order.succeeded", **made}});
    return *made;
}

} // namespace clink_twin
