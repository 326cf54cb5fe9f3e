#include "clink_model.h"

#include "order_ledger.h"

#include <algorithm>

namespace checkout::test {

namespace {

decimal amount(std::string_view text) {
    return decimal::parse(text).value();
}

template <class Facts>
void hide(Facts& facts, unsigned hidden) {
    if (hidden & hides_total)
        facts.amount_total.reset();
    if (hidden & hides_subtotal)
        facts.amount_subtotal.reset();
    if (hidden & hides_payment_currency)
        facts.payment_currency.reset();
    if (hidden & hides_original_currency)
        facts.original_currency.reset();
    if (hidden & hides_items)
        facts.items_total.reset();
}

/// The payments that Clink's last word amounts to.
class expectation {
public:
    explicit expectation(const clink_story& story) : last_(story.last()), record_(story.order) {}

    std::string describe() {
        for (int session = 0; session < static_cast<int>(last_.sessions.size()); ++session)
            expect_session(session);
        for (const auto& refund : last_.refunds)
            expect_refund(refund);
        record_.state = find_expected_state();
        if (record_.state == order_state::overpaid)
            open(discrepancy_kind::duplicate_payment, "order");
        return describe_end(record_, std::move(open_));
    }

private:
    void open(discrepancy_kind kind, const std::string& subject) {
        open_.push_back(std::string(to_string(kind)) + " " + subject);
    }

    void expect_session(int number) {
        const auto& its = last_.sessions[number];
        auto& session = record_.sessions[number];
        bool paid = false;
        for (const int order : last_.list_orders(number, true))
            if (last_.is_successful(order)) {
                expect_payment(number, order, paid && its.recurring);
                paid = true;
            }
        session.payment = paid ? payment_status::paid : payment_status::unpaid;
        if (!session.released() && paid)
            session.session_id = its.id;
        session.expire_time = its.expire_time;
        if (its.reference != record_.id.str())
            open(discrepancy_kind::reference_mismatch, "attempt:" + session.id.str());
        if (!session.released())
            return;
        session.status = its.status == clink_session_status::open      ? session_status::open
                         : its.status == clink_session_status::expired ? session_status::expired
                                                                       : session_status::completed;
        if (session.status == session_status::expired
            || (paid && session.status == session_status::completed))
            session.ended_at = last_.now;
    }

    void expect_payment(int number, int order, bool renews) {
        const auto& its = last_.orders[order];
        const auto& session = record_.sessions[number];
        payment_record payment;
        payment.id = its.facts.order_id.str().back();
        payment.attempt = session.id;
        payment.kind = renews ? payment_kind::renewal : payment_kind::payment;
        payment.order_id = its.facts.order_id;
        payment.verdict = price_of(last_.sessions[number].price).verdict;
        payment.amount_total = its.facts.amount_total;
        payment.payment_currency = its.facts.payment_currency;
        payment.payment_time = its.facts.payment_time;
        payment.refunded_amount = its.refunded;
        payment.clink_refunds = its.extent;
        record_.payments.push_back(payment);
        if (renews)
            return;
        ++record_.payment_count;
        expect_circumstances(number, its);
    }

    void expect_circumstances(int number, const model_order& order) {
        const auto& session = record_.sessions[number];
        const auto& subject = order.facts.order_id.str();
        if (last_.sessions[number].price == pricing::foreign)
            open(discrepancy_kind::currency_mismatch, subject);
        if (last_.sessions[number].price == pricing::over || last_.sessions[number].price == pricing::under)
            open(discrepancy_kind::amount_mismatch, subject);
        if (!session.released())
            open(discrepancy_kind::paid_on_dark_session, subject);
        if (session.superseded_at)
            open(discrepancy_kind::paid_on_superseded, subject);
        if (record_.cancelled_at)
            open(discrepancy_kind::paid_after_cancel, subject);
        if (*order.facts.payment_time > last_.sessions[number].expire_time)
            open(discrepancy_kind::paid_after_expiry, subject);
    }

    void expect_refund(const model_refund& said) {
        const auto& its = last_.orders[said.order];
        refund_record refund;
        refund.clink_id = said.facts.refund_id;
        refund.payment = its.facts.order_id.str().back();
        refund.status = said.facts.status;
        refund.amount = said.facts.amount;
        refund.currency = said.facts.currency;
        record_.refunds.push_back(refund);
        ++record_.refund_count;
        if (refund.status != refund_status::success)
            return;
        if (refund.currency != its.facts.payment_currency)
            open(discrepancy_kind::currency_mismatch, "refund:" + refund.clink_id.str());
        else if (*its.facts.amount_total < its.refunded)
            open(discrepancy_kind::amount_mismatch, "refunds:" + its.facts.order_id.str());
    }

    order_state find_expected_state() const {
        int kept = 0;
        bool doubtful = false;
        bool partly = false;
        for (const auto& payment : record_.payments) {
            if (payment.kind == payment_kind::renewal)
                continue;
            kept += payment.clink_refunds == refund_extent::full ? 0 : 1;
            partly = partly || payment.clink_refunds == refund_extent::partial;
            doubtful = doubtful || payment.verdict == amount_verdict::short_paid
                       || payment.verdict == amount_verdict::unknown;
        }
        if (record_.payment_count > 0)
            return kept > 1    ? order_state::overpaid
                   : doubtful  ? order_state::underpaid
                   : partly    ? order_state::partially_refunded
                   : kept == 1 ? order_state::paid
                               : order_state::refunded;
        const bool completed = std::ranges::any_of(record_.sessions, [](const session_record& session) {
            return session.status == session_status::completed;
        });
        return completed              ? order_state::processing
               : record_.cancelled_at ? order_state::cancelled
                                      : order_state::unpaid;
    }

    const clink_moment& last_;
    order_record record_;
    std::vector<std::string> open_;
};

} // namespace

const decimal asked_amount = amount("49.9");

const price_tag& price_of(pricing price) {
    static const price_tag exact{asked_amount, amount("24.95"), "USD", amount_verdict::exact};
    static const price_tag over{amount("60"), amount("30"), "USD", amount_verdict::over};
    static const price_tag under{amount("10"), amount("5"), "USD", amount_verdict::short_paid};
    static const price_tag discounted{amount("39.9"), amount("19.95"), "USD", amount_verdict::discounted};
    static const price_tag surcharged{amount("53.1"), amount("26.55"), "USD", amount_verdict::surcharged};
    static const price_tag converted{amount("266.3"), amount("133.15"), "BRL", amount_verdict::converted};
    static const price_tag blindly{amount("266.3"), amount("133.15"), "BRL", amount_verdict::unknown};
    static const price_tag foreign{asked_amount, amount("24.95"), "EUR", amount_verdict::unknown};
    switch (price) {
    case pricing::exact:
        return exact;
    case pricing::over:
        return over;
    case pricing::under:
        return under;
    case pricing::discounted:
        return discounted;
    case pricing::surcharged:
        return surcharged;
    case pricing::converted:
        return converted;
    case pricing::converted_blindly:
        return blindly;
    case pricing::foreign:
        return foreign;
    }
    return exact;
}

/// What tells how much was asked for of what was paid.
void set_price(order_facts& facts, pricing price, dice& chance) {
    const auto& tag = price_of(price);
    facts.amount_total = tag.total;
    facts.payment_currency = tag.currency;
    facts.original_currency = price == pricing::foreign ? "EUR" : "USD";
    facts.amount_subtotal = asked_amount;
    facts.items_total = chance.one_in(2) ? std::optional(asked_amount) : std::nullopt;
    switch (price) {
    case pricing::over:
    case pricing::under:
        facts.amount_subtotal = facts.amount_total;
        facts.items_total.reset();
        break;
    case pricing::converted:
        if (!facts.items_total && chance.one_in(2))
            break;
        facts.items_total = asked_amount;
        facts.amount_subtotal = chance.one_in(2) ? facts.amount_total : std::nullopt;
        break;
    case pricing::converted_blindly:
        facts.amount_subtotal.reset();
        facts.items_total.reset();
        break;
    case pricing::exact:
    case pricing::discounted:
    case pricing::surcharged:
    case pricing::foreign:
        break;
    }
}

bool is_successful(clink_order_status status) {
    return status == clink_order_status::success || status == clink_order_status::partially_refunded
           || status == clink_order_status::refunded;
}

session_facts clink_moment::say_session(int number) const {
    const auto& its = sessions[number];
    session_facts facts;
    facts.session_id = its.id;
    facts.status = its.status;
    facts.payment_status = its.payment;
    facts.merchant_reference_id = its.reference;
    facts.expire_time = its.expire_time;
    facts.original_currency = its.price == pricing::foreign ? "EUR" : "USD";
    if (its.first_order >= 0)
        facts.items_total = orders[its.first_order].facts.items_total;
    if (its.payment == clink_payment_status::paid) {
        const auto& order = orders[its.first_order].facts;
        facts.order_id = order.order_id;
        facts.amount_total = order.amount_total;
        facts.amount_subtotal = order.amount_subtotal;
        facts.payment_currency = order.payment_currency;
        facts.subscription_id = order.subscription_id;
    }
    const auto hidden = its.never_shown | (its.detailed ? 0 : its.hidden);
    hide(facts, hidden);
    if (hidden & hides_order_id)
        facts.order_id.reset();
    return facts;
}

order_facts clink_moment::say_order(int number) const {
    const auto& its = orders[number];
    auto facts = its.facts;
    if (its.detailed)
        return facts;
    hide(facts, its.hidden);
    if (its.hidden & hides_payment_time)
        facts.payment_time.reset();
    return facts;
}

refund_facts clink_moment::say_refund(int number) const {
    auto facts = refunds[number].facts;
    if (refunds[number].hides_amount)
        facts.amount.reset();
    return facts;
}

std::vector<int> clink_moment::list_orders(int session, bool with_newest) const {
    std::vector<int> found;
    for (std::size_t each = 0; each < orders.size(); ++each)
        if (orders[each].session == session)
            found.push_back(static_cast<int>(each));
    if (!with_newest && !found.empty())
        found.pop_back();
    return found;
}

bool clink_moment::is_successful(int order) const {
    return test::is_successful(orders[order].facts.status);
}

std::string expected_end(const clink_story& story) {
    return expectation(story).describe();
}

} // namespace checkout::test
