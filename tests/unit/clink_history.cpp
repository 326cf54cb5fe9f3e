#include "clink_history.h"

#include <algorithm>
#include <utility>

namespace checkout::test {

namespace {

constexpr evidence sources[] = {evidence::redirect, evidence::refresh,   evidence::webhook,
                                evidence::sweeper,  evidence::reconcile, evidence::operator_action};

template <class Facts>
std::string describe_amounts(const Facts& facts) {
    std::string text = " total " + (facts.amount_total ? facts.amount_total->to_string() : "?") + " "
                       + facts.payment_currency.value_or("?") + " of "
                       + facts.original_currency.value_or("?");
    text += " subtotal " + (facts.amount_subtotal ? facts.amount_subtotal->to_string() : "?");
    return text + " items " + (facts.items_total ? facts.items_total->to_string() : "?");
}

std::string describe_session(const session_facts& session) {
    constexpr const char* statuses[] = {"open", "completed", "expired", "unrecognised"};
    constexpr const char* payments[] = {"unpaid", "processing", "paid", "unrecognised"};
    if (session.session_id.empty())
        return "not asked";
    return session.session_id.str() + " " + statuses[static_cast<int>(session.status)] + " "
           + payments[static_cast<int>(session.payment_status)] + " order "
           + (session.order_id ? session.order_id->str() : "?") + describe_amounts(session);
}

std::string describe_order(const order_facts& order) {
    constexpr const char* statuses[] = {"created",  "pending",     "requires_action",
                                        "success",  "failed",      "partially_refunded",
                                        "refunded", "unrecognised"};
    return order.order_id.str() + " " + statuses[static_cast<int>(order.status)] + describe_amounts(order)
           + (order.payment_time ? " timed" : "");
}

} // namespace

void clink_history::run() {
    const int thoroughness = dice_.below(4);
    const int moments = static_cast<int>(story_.moments.size());
    for (now_ = 0; now_ < moments; ++now_) {
        tell([&] { return "* " + story_.plot[now_]; });
        ledger_.set_clock(moment().now);
        for (int left = dice_.below(1 + thoroughness); left > 0; --left)
            take_hint();
    }
    now_ = moments - 1;
    ask_everything();
}

/// Clink as it is, or as one of its servers sees it that lags behind.
const clink_moment& clink_history::moment_or_earlier(bool lagging) {
    return story_.moments[lagging ? dice_.below(now_ + 1) : now_];
}

void clink_history::take_hint() {
    const int session = dice_.below(count_sessions());
    switch (dice_.below(9)) {
    case 0:
    case 1:
    case 2:
        return settle_or_hold(ask_session(session, dice_.one_in(8)));
    case 3:
        if (auto found = look_for(session))
            settle_or_hold(std::move(*found));
        return;
    case 4:
        return hear_of_order();
    case 5:
        return hear_of_refund();
    case 6:
        return note_silence(session);
    default:
        return settle_held();
    }
}

/// A webhook about an order: it and its session are asked about.
void clink_history::hear_of_order() {
    if (moment().orders.empty())
        return;
    const int order = dice_.below(static_cast<int>(moment().orders.size()));
    const auto& its = moment().orders[order];
    auto heard = ask_session(its.session, false);
    if (its.facts.session_id && is_attributable(order, heard.word))
        heard.word.orders.push_back(moment().say_order(order));
    settle_or_hold(std::move(heard));
}

/// A renewal that comes without the order that it renews can only be told by a session that names the latter.
bool clink_history::is_attributable(int order, const clink_word& word) const {
    const int session = moment().orders[order].session;
    const bool has_own = std::ranges::any_of(word.orders, [&](const order_facts& each) {
        return each.session_id == moment().sessions[session].id;
    });
    return order == moment().sessions[session].first_order || word.session.order_id || has_own;
}

void clink_history::hear_of_refund() {
    if (moment().refunds.empty())
        return;
    const int refund = dice_.below(static_cast<int>(moment().refunds.size()));
    if (auto heard = ask_refund(refund, dice_.one_in(4)))
        settle_or_hold(std::move(*heard));
}

void clink_history::note_silence(int session) {
    const auto& record = ledger_.order().sessions[session];
    if (!record.released() || record.ended_at || record.stuck_at)
        return;
    tell([&] { return "silence about " + record.id.str(); });
    ledger_.note_silence(record.id);
}

clink_history::answer clink_history::ask_session(int session, bool lagging) {
    const auto& clink = moment_or_earlier(lagging);
    answer heard{.attempt = story_.order.sessions[session].id,
                 .word = {.session = clink.say_session(session), .orders = {}},
                 .refund = {},
                 .source = dice_.pick(sources)};
    if (dice_.one_in(12))
        heard.word.session.status = clink_session_status::unrecognised;
    if (heard.word.session.payment_status == clink_payment_status::paid)
        ask_orders(heard.word, session, clink);
    return heard;
}

/// As the service does: the order that a paid session names, else those of a list; either may be unanswered.
void clink_history::ask_orders(clink_word& word, int session, const clink_moment& clink) {
    if (dice_.one_in(4))
        return;
    if (word.session.order_id)
        word.orders.push_back(clink.say_order(clink.sessions[session].first_order));
    else
        list_orders(word, session, clink, !dice_.one_in(4));
}

/// The rows that name the session, or the whole list with the rows of others, which teach nothing.
void clink_history::list_orders(clink_word& word, int session, const clink_moment& clink, bool with_newest) {
    const bool whole = dice_.one_in(3);
    for (int each = 0; each < count_sessions(); ++each)
        for (const int order : clink.list_orders(each, with_newest))
            if (whole || (each == session && clink.orders[order].facts.session_id))
                word.orders.push_back(clink.say_order(order));
}

/// An attempt that is not known to have a session is found by the orders that bear its number: each goes with
/// the session that it names, or alone when it names none.
std::optional<clink_history::answer> clink_history::look_for(int session) {
    const auto& record = ledger_.order().sessions[session];
    if (record.session_id)
        return ask_session(session, false);
    const auto orders = moment().list_orders(session, !dice_.one_in(4));
    if (orders.empty())
        return std::nullopt;
    const int order = orders[dice_.below(static_cast<int>(orders.size()))];
    answer heard{.attempt = record.id, .word = {}, .refund = {}, .source = dice_.pick(sources)};
    if (!moment().orders[order].facts.session_id) {
        heard.word.orders.push_back(moment().say_order(order));
        return heard;
    }
    heard.word.session = moment().say_session(session);
    list_orders(heard.word, session, moment(), true);
    return heard;
}

std::optional<clink_history::answer> clink_history::ask_refund(int refund, bool lagging) {
    const auto& clink = moment_or_earlier(lagging);
    if (refund >= static_cast<int>(clink.refunds.size()))
        return std::nullopt;
    return answer{
        .attempt = {}, .word = {}, .refund = clink.say_refund(refund), .source = dice_.pick(sources)};
}

/// An answer is settled at once, or held until others have been.
void clink_history::settle_or_hold(answer heard) {
    if (dice_.one_in(3)) {
        tell([&] { return "held: " + describe(heard); });
        held_ = std::move(heard);
        held_order_ = ledger_.order();
        return;
    }
    settle_now(ledger_.order(), heard);
    if (dice_.one_in(4))
        settle_again(heard);
}

/// Compare-and-set: of use only while the order is as it was when the question was asked.
void clink_history::settle_held() {
    if (!held_)
        return;
    const auto heard = *std::exchange(held_, std::nullopt);
    if (held_order_.version == ledger_.order().version)
        settle_now(held_order_, heard);
    else
        tell([] { return std::string("the held answer is too old"); });
}

void clink_history::settle_now(const order_record& order, const answer& heard) {
    tell([&] { return describe(heard); });
    const auto change = decide(order, heard);
    if (!is_believable(change))
        fault_ = "P4: a payment that Clink never made";
    ledger_.apply(change);
    tell([&] { return "    -> " + std::string(to_string(change.state)); });
}

void clink_history::settle_again(const answer& heard) {
    const auto change = decide(ledger_.order(), heard);
    if (change.changes())
        fault_ = "P5: the same answer changes something the second time";
    for (const auto& draft : change.discrepancies)
        if (!ledger_.has_open(draft.kind, draft.subject))
            fault_ = "P5: the same answer opens something the second time";
    ledger_.apply(change);
}

settlement clink_history::decide(const order_record& order, const answer& heard) {
    if (!heard.attempt)
        return settle_refund(order, heard.refund, heard.source);
    return settle(order, *order.find_session(*heard.attempt), heard.word, heard.source);
}

/// P4: each new payment is one of Clink's by now, in that session.
bool clink_history::is_believable(const settlement& change) const {
    const auto& clink = moment();
    return std::ranges::all_of(change.new_payments, [&](const payment_record& payment) {
        return std::ranges::any_of(clink.orders, [&](const model_order& order) {
            return is_successful(order.facts.status)
                   && story_.order.sessions[order.session].id == payment.attempt
                   && (!payment.order_id || payment.order_id == order.facts.order_id);
        });
    });
}

void clink_history::ask_everything() {
    const int first = dice_.below(count_sessions());
    for (int each = 0; each < count_sessions(); ++each)
        ask_finally((first + each) % count_sessions());
    for (int refund = 0; refund < static_cast<int>(moment().refunds.size()); ++refund)
        if (is_refund_due(refund))
            settle_now(ledger_.order(), *ask_refund(refund, false));
}

/// As the sweeper or a reconciliation does when Clink answers everything. Of a session that is not on record
/// and was never tried to be paid nothing can be found.
void clink_history::ask_finally(int session) {
    const auto& clink = moment();
    const auto orders = clink.list_orders(session, true);
    if (!ledger_.order().sessions[session].session_id && orders.empty())
        return;
    answer heard{.attempt = story_.order.sessions[session].id,
                 .word = {.session = clink.say_session(session), .orders = {}},
                 .refund = {},
                 .source = dice_.pick(sources)};
    for (const int order : orders)
        heard.word.orders.push_back(clink.say_order(order));
    settle_now(ledger_.order(), heard);
}

/// A refund is asked about until it is final and all of it known; one that nobody has heard of has its
/// webhook sent again.
bool clink_history::is_refund_due(int refund) const {
    const auto& known = ledger_.order().refunds;
    const auto& id = moment().refunds[refund].facts.refund_id;
    const auto found = std::ranges::find(known, id, &refund_record::clink_id);
    return found == known.end() || !is_final(found->status) || !found->payment || !found->amount;
}

std::string clink_history::describe(const answer& heard) {
    if (!heard.attempt)
        return heard.refund.refund_id.str() + ": " + std::string(to_string(heard.refund.status)) + " "
               + (heard.refund.amount ? heard.refund.amount->to_string() : "?");
    std::string text = heard.attempt->str() + ": " + describe_session(heard.word.session);
    for (const auto& order : heard.word.orders)
        text += "; " + describe_order(order);
    return text;
}

} // namespace checkout::test
