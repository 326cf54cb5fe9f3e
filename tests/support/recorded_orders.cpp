#include "support/recorded_orders.h"

#include "crypto/digest.h"

#include <stdexcept>

namespace checkout::test {

attempt_intent make_intent(const std::string& order, std::chrono::milliseconds lease) {
    attempt_intent intent;
    intent.id = attempt_id(make_uuid_v7());
    intent.order_id = merchant_order_id(order);
    intent.terms.original = {decimal::parse("49.90").value(), "USD"};
    intent.terms.customer_email = "ada@example.com";
    intent.terms.success_url = "https://shop.example/thanks";
    intent.terms.items = {{.name = "Mug",
                           .unit_amount = intent.terms.original.amount,
                           .quantity = 1,
                           .currency = {},
                           .image_url = {}}};
    intent.recorded = record(intent.terms);
    intent.fingerprint = fingerprint(intent.recorded);
    intent.lease = lease;
    intent.request_id = "request-begin";
    return intent;
}

released_handle make_handle(const std::string& session_id) {
    return {.session_id = clink_session_id(session_id),
            .url = "https://pay.example/" + session_id,
            .customer_id = "cust_1",
            .expire_time = parse_rfc3339("2030-01-02T03:04:05.678Z")};
}

exchange_record make_exchange(const std::string& request_id) {
    return {.data = {{"outcome", "answered"}}, .clink_body = R"({"code": 200})", .request_id = request_id};
}

unreleased_end dark_with(std::optional<std::string> session_id) {
    unreleased_end end;
    if (session_id)
        end.session_id = clink_session_id(*session_id);
    return end;
}

unreleased_end refused_as(std::string code) {
    unreleased_end end;
    end.status = session_status::refused;
    end.refusal_code = std::move(code);
    end.refusal_message = "no";
    return end;
}

const session_record& attempt_of(const order_record& order, const attempt_id& id) {
    const auto* found = order.find_session(id);
    if (found == nullptr)
        throw std::logic_error("the order has no such attempt");
    return *found;
}

unreleased_end dark() {
    return {.status = session_status::dark,
            .refusal_code = {},
            .refusal_message = {},
            .session_id = {},
            .discrepancy = {}};
}

begun_attempt recorded_orders::begin(const std::string& order, std::chrono::milliseconds lease) {
    return await_result(attempts.begin_first(make_intent(order, lease))).value();
}

std::optional<begun_attempt> recorded_orders::begin_next(const std::string& order,
                                                         std::optional<attempt_id> lapsed,
                                                         std::optional<attempt_id> supersedes) {
    const auto now = get(order);
    return await_result(attempts.begin_next(make_intent(order), {.order = now.key,
                                                                 .version = now.version,
                                                                 .attempt = now.last_attempt + 1,
                                                                 .lapsed = std::move(lapsed),
                                                                 .supersedes = std::move(supersedes)}));
}

std::optional<session_record> recorded_orders::release(const begun_attempt& attempt,
                                                       const std::string& session_id,
                                                       std::optional<attempt_id> supersedes) {
    return await_result(
        attempts.release(attempt, make_handle(session_id), std::move(supersedes), make_exchange()));
}

bool recorded_orders::close(const begun_attempt& attempt, unreleased_end end) {
    return await_result(attempts.close(attempt, std::move(end), make_exchange()));
}

session_record recorded_orders::open_session(const std::string& order, const std::string& session_id) {
    return release(begin(order), session_id).value();
}

settlement recorded_orders::settle_as(const std::string& order, const std::string& session_id,
                                      session_facts said, evidence source) {
    const auto now = get(order);
    const auto* session = now.find_session(clink_session_id(session_id));
    if (session == nullptr)
        throw std::invalid_argument(order + " has no session " + session_id);
    return settle(now, *session, {.session = std::move(said), .orders = {}}, source);
}

bool recorded_orders::apply(const std::string& order, const settlement& change) {
    const auto now = get(order);
    return await_result(settlements.apply(
        now.key, now.version, change, {.clink_body = R"({"code": 200})", .request_id = "request-settle"}));
}

void recorded_orders::paid_order(const std::string& order, const std::string& session_id) {
    open_session(order, session_id);
    if (!apply(order, settle_as(order, session_id, say_paid(session_id))))
        throw std::logic_error(order + " changed while it was paid");
}

order_record recorded_orders::get(const std::string& order) {
    return await_result(orders.find_whole_order(merchant_order_id(order))).value();
}

std::vector<event_record> recorded_orders::events(const std::string& order) {
    return await_result(orders.list_events(get(order).key, 0, 1000));
}

std::string recorded_orders::kinds(const std::string& order) {
    std::string joined;
    for (const auto& event : events(order))
        joined += (joined.empty() ? "" : " ") + event.kind;
    return joined;
}

discrepancy_line recorded_orders::discrepancy(discrepancy_kind kind, const std::string& state) {
    return await_result(discrepancies.list({.state = state, .kind = kind, .after = 0, .limit = 1}))
        .lines.at(0);
}

std::size_t recorded_orders::count_discrepancies(std::optional<discrepancy_kind> kind) {
    return await_result(discrepancies.list({.state = {}, .kind = kind, .after = 0, .limit = 1000}))
        .lines.size();
}

session_facts say(const std::string& session_id, clink_session_status status, clink_payment_status payment) {
    session_facts facts;
    facts.session_id = clink_session_id(session_id);
    facts.status = status;
    facts.payment_status = payment;
    facts.expire_time = make_handle(session_id).expire_time;
    return facts;
}

session_facts say_paid(const std::string& session_id) {
    auto facts = say(session_id, clink_session_status::completed, clink_payment_status::paid);
    facts.order_id = clink_order_id("order_" + session_id);
    facts.amount_subtotal = facts.amount_total = decimal::parse("49.90").value();
    facts.payment_currency = facts.original_currency = "USD";
    return facts;
}

} // namespace checkout::test
