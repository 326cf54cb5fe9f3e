#include "domain/census.h"

#include <algorithm>
#include <array>
#include <utility>

namespace checkout {

namespace {

constexpr std::array<std::pair<census_result, std::string_view>, 8> result_names{
    {{census_result::matched, "matched"},
     {census_result::duplicate, "duplicate"},
     {census_result::differing, "differing"},
     {census_result::missing, "missing"},
     {census_result::unknown, "unknown"},
     {census_result::missing_session, "missing_session"},
     {census_result::refund_unrecorded, "refund_unrecorded"},
     {census_result::not_answered, "not_answered"}}};

std::string describe(const std::optional<decimal>& amount, const std::optional<std::string>& currency) {
    return (amount ? amount->to_string() : "unknown") + " " + currency.value_or("?");
}

const order_facts* find_facts(const census_answers& said, const clink_order_id& id) {
    const auto found = std::ranges::find(said.orders, id, &order_facts::order_id);
    return found == said.orders.end() ? nullptr : &*found;
}

/// Refunds on record are as much as Clink's status says, or more.
bool explains_refunds(const payment_record& payment, clink_order_status status) {
    if (status == clink_order_status::refunded)
        return payment.amount_total && payment.refunded_amount >= *payment.amount_total;
    return status != clink_order_status::partially_refunded || !payment.refunded_amount.is_zero();
}

class census_taking {
public:
    census_taking(const order_record& order, const census_answers& said) : order_(order), said_(said) {}

    order_census run() {
        bool first = true;
        for (const auto& payment : order_.payments) {
            const bool is_payment = payment.kind == payment_kind::payment;
            look_at(payment, is_payment && !first);
            first = first && !is_payment;
        }
        for (const auto& facts : said_.orders)
            if (was_paid(facts.status) && !is_recorded(order_, facts.order_id))
                out_.lines.push_back(
                    {census_result::unknown, facts.payment_currency, facts.amount_total.value_or(decimal())});
        look_at_sessions();
        return std::move(out_);
    }

private:
    void look_at(const payment_record& payment, bool further) {
        const auto* facts = payment.order_id ? find_facts(said_, *payment.order_id) : nullptr;
        if (facts != nullptr)
            compare(payment, *facts, further);
        else if (payment.order_id && said_.absent_orders.contains(*payment.order_id))
            differ(payment, census_result::missing, discrepancy_kind::missing_at_clink, {});
        else
            add(census_result::not_answered, payment);
    }

    void compare(const payment_record& payment, const order_facts& facts, bool further) {
        const auto& reference = facts.merchant_reference_id;
        const auto session_id = order_.find_session(payment.attempt)->session_id;
        if (!facts.amount_total || !facts.payment_currency
            || facts.status == clink_order_status::unrecognised)
            return add(census_result::not_answered, payment);
        const std::map<std::string, std::string> amounts{
            {"recorded", describe(payment.amount_total, payment.payment_currency)},
            {"clink", describe(facts.amount_total, facts.payment_currency)}};
        if (!was_paid(facts.status))
            return differ(payment, census_result::differing, discrepancy_kind::missing_at_clink,
                          {{"clinkStatus", "not paid"}});
        if (reference && *reference != order_.id.str())
            return differ(payment, census_result::differing, discrepancy_kind::reference_mismatch,
                          {{"clinkReference", *reference}});
        if (payment.payment_currency != facts.payment_currency)
            return differ(payment, census_result::differing, discrepancy_kind::currency_mismatch, amounts);
        if (payment.amount_total != facts.amount_total)
            return differ(payment, census_result::differing, discrepancy_kind::amount_mismatch, amounts);
        if (facts.original_currency && payment.clink_original_currency
            && facts.original_currency != payment.clink_original_currency)
            return differ(payment, census_result::differing, discrepancy_kind::currency_mismatch,
                          {{"clinkOriginalCurrency", *facts.original_currency},
                           {"recorded", describe(payment.original.amount, payment.clink_original_currency)},
                           {"clink", describe(payment.original.amount, facts.original_currency)}});
        if (facts.session_id && session_id && facts.session_id != session_id)
            return differ(payment, census_result::differing, discrepancy_kind::reference_mismatch,
                          {{"clinkSession", facts.session_id->str()}});
        agree(payment, further);
        compare_refunds(payment, facts);
    }

    void agree(const payment_record& payment, bool further) {
        add(further ? census_result::duplicate : census_result::matched, payment);
        for (const auto kind : {discrepancy_kind::missing_at_clink, discrepancy_kind::reference_mismatch,
                                discrepancy_kind::currency_mismatch, discrepancy_kind::amount_mismatch})
            explain(kind, subject_of(payment), "Clink agrees");
        if (payment.order_id)
            explain(discrepancy_kind::orphan_event, subject_of_order(*payment.order_id), "it is on record");
    }

    void compare_refunds(const payment_record& payment, const order_facts& facts) {
        if (explains_refunds(payment, facts.status))
            return explain(discrepancy_kind::refund_unrecorded, subject_of_refunds(payment),
                           "refunds on record explain it");
        add(census_result::refund_unrecorded, payment);
        const bool whole = facts.status == clink_order_status::refunded;
        out_.found.push_back(
            {.kind = discrepancy_kind::refund_unrecorded,
             .subject = subject_of_refunds(payment),
             .attempt = payment.attempt,
             .detail = {{"clinkOrderId", payment.order_id->str()},
                        {"clink", whole ? "refunded" : "partially refunded"},
                        {"recorded", describe(payment.refunded_amount, payment.payment_currency)}}});
    }

    void look_at_sessions() {
        for (const auto& session : order_.sessions) {
            if (!session.session_id)
                continue;
            if (said_.absent_sessions.contains(*session.session_id)) {
                out_.lines.push_back({census_result::missing_session, {}, {}});
                out_.found.push_back({.kind = discrepancy_kind::missing_at_clink,
                                      .subject = "attempt:" + session.id.str(),
                                      .attempt = session.id,
                                      .detail = {{"sessionId", session.session_id->str()}}});
            } else if (said_.silent_sessions.contains(*session.session_id)) {
                out_.lines.push_back({census_result::not_answered, {}, {}});
            } else {
                explain(discrepancy_kind::missing_at_clink, "attempt:" + session.id.str(), "Clink has it");
            }
        }
        if (!said_.listed)
            out_.lines.push_back({census_result::not_answered, {}, {}});
    }

    void add(census_result result, const payment_record& payment) {
        out_.lines.push_back({result, payment.payment_currency, payment.amount_total.value_or(decimal())});
    }

    void differ(const payment_record& payment, census_result result, discrepancy_kind kind,
                std::map<std::string, std::string> detail) {
        add(result, payment);
        detail["clinkOrderId"] = payment.order_id->str();
        out_.found.push_back({.kind = kind,
                              .subject = subject_of(payment),
                              .attempt = payment.attempt,
                              .detail = std::move(detail)});
    }

    void explain(discrepancy_kind kind, std::string subject, std::string resolution) {
        out_.explained.push_back({.kind = kind,
                                  .attempt = {},
                                  .subject = std::move(subject),
                                  .resolution = std::move(resolution)});
    }

    static std::string subject_of(const payment_record& payment) {
        return "payment:" + std::to_string(payment.id);
    }

    const order_record& order_;
    const census_answers& said_;
    order_census out_;
};

} // namespace

std::string_view to_string(census_result result) {
    return std::ranges::find(result_names, result, &std::pair<census_result, std::string_view>::first)
        ->second;
}

std::optional<census_result> find_census_result(std::string_view text) {
    const auto* const found =
        std::ranges::find(result_names, text, &std::pair<census_result, std::string_view>::second);
    return found == result_names.end() ? std::nullopt : std::optional(found->first);
}

bool order_census::answered() const {
    return std::ranges::count(lines, census_result::not_answered, &census_line::result) == 0;
}

order_census take_census(const order_record& order, const census_answers& said) {
    return census_taking(order, said).run();
}

} // namespace checkout
