#include "storage/rows.h"

#include "json/json.h"

#include <stdexcept>

namespace checkout {

namespace {

template <class T>
T read_value(const pqxx::field& field) {
    const auto value = find_value<T>(field.view());
    if (!value)
        throw std::range_error(std::string("the database holds an unknown value in column ") + field.name());
    return *value;
}

template <class Id>
std::optional<Id> read_optional_id(const pqxx::field& field) {
    if (field.is_null())
        return std::nullopt;
    return Id(field.as<std::string>());
}

recorded_terms read_terms(const pqxx::field& field) {
    recorded_terms terms;
    for (auto& [pointer, value] : read_text_object(field.view()))
        terms.emplace(std::move(pointer), std::move(value));
    return terms;
}

} // namespace

instant read_instant(const pqxx::field& field) {
    std::string text(field.view());
    if (text.size() > 10)
        text[10] = 'T';
    if (text.ends_with("+00"))
        text.replace(text.size() - 3, 3, "Z");
    const auto at = parse_rfc3339(text);
    if (!at)
        throw std::range_error(std::string("the database holds an unreadable time in column ")
                               + field.name());
    return *at;
}

std::optional<instant> read_optional_instant(const pqxx::field& field) {
    return field.is_null() ? std::nullopt : std::optional(read_instant(field));
}

std::optional<std::string> read_optional_text(const pqxx::field& field) {
    return field.is_null() ? std::nullopt : std::optional(field.as<std::string>());
}

std::optional<decimal> read_optional_decimal(const pqxx::field& field) {
    return field.is_null() ? std::nullopt : std::optional(read_decimal(field));
}

decimal read_decimal(const pqxx::field& field) {
    const auto value = decimal::parse(field.view());
    if (!value)
        throw std::range_error(std::string("the database holds an amount out of range in column ")
                               + field.name());
    return *value;
}

std::string write_instant(instant at) {
    return to_rfc3339_micros(at);
}

std::optional<std::string> write_instant(const std::optional<instant>& at) {
    return at ? std::optional(write_instant(*at)) : std::nullopt;
}

std::optional<std::string> write_decimal(const std::optional<decimal>& amount) {
    return amount ? std::optional(amount->to_string()) : std::nullopt;
}

std::string write_text_object(const std::map<std::string, std::string>& members) {
    json_object object;
    for (const auto& [name, value] : members)
        object.push_back({name, value});
    return write_json(json_value(std::move(object)));
}

std::vector<std::pair<std::string, std::string>> read_text_object(std::string_view json) {
    std::vector<std::pair<std::string, std::string>> members;
    const auto parsed = parse_json(json);
    if (parsed.has_error() || parsed->if_object() == nullptr)
        throw std::range_error("the database holds something else than a flat object");
    for (const auto& member : *parsed->if_object())
        if (const auto* text = member.value.if_string())
            members.emplace_back(member.name, *text);
    return members;
}

const char* const order_columns =
    "o.order_id, o.merchant_order_id, o.version, o.state, o.last_attempt, o.payment_count, o.refund_count,"
    " o.cancelled_at,"
    " o.created_at as order_created_at, o.updated_at, now() as read_at";

const char* const session_columns = "s.attempt_id, s.attempt, s.status, s.payment_status, s.generation,"
                                    " coalesce(s.lease_until < now(), false) as lease_expired, "
                                    "s.original_amount, s.original_currency, s.ui_mode,"
                                    " s.allow_promotion_codes, s.success_url, s.cancel_url, s.terms, "
                                    "s.terms_fingerprint, s.clink_session_id, s.url,"
                                    " s.customer_id, s.expire_time, s.refusal_code, s.refusal_message, "
                                    "s.released_at, s.superseded_at, s.ended_at,"
                                    " s.cancel_visited_at, s.settled_by, s.checked_at, s.next_check_at, "
                                    "s.failed_checks, s.stuck_at, s.created_at";

const char* const payment_columns =
    "p.payment_id, p.attempt_id, p.kind, p.clink_order_id, p.verdict, p.original_amount, p.original_currency,"
    " p.amount_total, p.amount_subtotal, p.payment_currency, p.clink_original_currency, p.refunded_amount,"
    " p.clink_refund_extent, p.items_total,"
    " p.subscription_id, p.invoice_id, p.payment_time, p.evidence, p.recorded_at";

const char* const refund_columns =
    "r.refund_id, r.clink_refund_id, r.clink_order_id, r.payment_id, r.refund_merchant_order_id, r.status, "
    "r.amount,"
    " r.currency, r.reason, r.failure_code, r.refund_time, r.evidence, r.recorded_at";

const char* const dispute_columns = "d.dispute_id, d.clink_dispute_id, d.clink_order_id, d.status, d.amount, "
                                    "d.currency, d.reason_code, d.reason,"
                                    " d.evidence_deadline, d.said_at, d.recorded_at";

order_record read_order(const pqxx::row& row) {
    order_record order;
    order.key = order_key{row["order_id"].as<std::int64_t>()};
    order.id = merchant_order_id(row["merchant_order_id"].as<std::string>());
    order.version = row["version"].as<std::int64_t>();
    order.state = read_value<order_state>(row["state"]);
    order.last_attempt = row["last_attempt"].as<int>();
    order.payment_count = row["payment_count"].as<int>();
    order.refund_count = row["refund_count"].as<int>();
    order.cancelled_at = read_optional_instant(row["cancelled_at"]);
    order.created_at = read_instant(row["order_created_at"]);
    order.updated_at = read_instant(row["updated_at"]);
    order.read_at = read_instant(row["read_at"]);
    return order;
}

session_record read_session(const pqxx::row& row) {
    session_record session;
    session.id = attempt_id(row["attempt_id"].as<std::string>());
    session.attempt = row["attempt"].as<int>();
    session.status = read_value<session_status>(row["status"]);
    session.payment = read_value<payment_status>(row["payment_status"]);
    session.generation = row["generation"].as<std::int64_t>();
    session.lease_expired = row["lease_expired"].as<bool>();
    session.original = {read_decimal(row["original_amount"]), row["original_currency"].as<std::string>()};
    session.mode = find_ui_mode(row["ui_mode"].view()).value_or(ui_mode::hosted_page);
    session.allow_promotion_codes = row["allow_promotion_codes"].as<bool>();
    session.success_url = read_optional_text(row["success_url"]);
    session.cancel_url = read_optional_text(row["cancel_url"]);
    session.terms = read_terms(row["terms"]);
    session.terms_fingerprint = row["terms_fingerprint"].as<std::string>();
    session.session_id = read_optional_id<clink_session_id>(row["clink_session_id"]);
    session.url = read_optional_text(row["url"]);
    session.customer_id = read_optional_text(row["customer_id"]);
    session.expire_time = read_optional_instant(row["expire_time"]);
    session.refusal_code = read_optional_text(row["refusal_code"]);
    session.refusal_message = read_optional_text(row["refusal_message"]);
    session.released_at = read_optional_instant(row["released_at"]);
    session.superseded_at = read_optional_instant(row["superseded_at"]);
    session.ended_at = read_optional_instant(row["ended_at"]);
    session.cancel_visited_at = read_optional_instant(row["cancel_visited_at"]);
    if (!row["settled_by"].is_null())
        session.settled_by = read_value<evidence>(row["settled_by"]);
    session.checked_at = read_optional_instant(row["checked_at"]);
    session.next_check_at = read_optional_instant(row["next_check_at"]);
    session.failed_checks = row["failed_checks"].as<int>();
    session.stuck_at = read_optional_instant(row["stuck_at"]);
    session.created_at = read_instant(row["created_at"]);
    return session;
}

payment_record read_payment(const pqxx::row& row) {
    payment_record payment;
    payment.id = row["payment_id"].as<std::int64_t>();
    payment.attempt = attempt_id(row["attempt_id"].as<std::string>());
    payment.kind = read_value<payment_kind>(row["kind"]);
    payment.order_id = read_optional_id<clink_order_id>(row["clink_order_id"]);
    payment.verdict = read_value<amount_verdict>(row["verdict"]);
    payment.original = {read_decimal(row["original_amount"]), row["original_currency"].as<std::string>()};
    payment.amount_total = read_optional_decimal(row["amount_total"]);
    payment.amount_subtotal = read_optional_decimal(row["amount_subtotal"]);
    payment.payment_currency = read_optional_text(row["payment_currency"]);
    payment.clink_original_currency = read_optional_text(row["clink_original_currency"]);
    payment.refunded_amount = read_decimal(row["refunded_amount"]);
    payment.items_total = read_optional_decimal(row["items_total"]);
    payment.clink_refunds = read_value<refund_extent>(row["clink_refund_extent"]);
    payment.subscription_id = read_optional_text(row["subscription_id"]);
    payment.invoice_id = read_optional_text(row["invoice_id"]);
    payment.payment_time = read_optional_instant(row["payment_time"]);
    payment.found_by = read_value<evidence>(row["evidence"]);
    payment.recorded_at = read_instant(row["recorded_at"]);
    return payment;
}

refund_record read_refund(const pqxx::row& row) {
    refund_record refund;
    refund.id = row["refund_id"].as<std::int64_t>();
    refund.clink_id = clink_refund_id(row["clink_refund_id"].as<std::string>());
    refund.order_id = clink_order_id(row["clink_order_id"].as<std::string>());
    refund.payment = row["payment_id"].as<std::optional<std::int64_t>>();
    refund.refund_merchant_order_id = read_optional_text(row["refund_merchant_order_id"]);
    refund.status = read_value<refund_status>(row["status"]);
    refund.amount = read_optional_decimal(row["amount"]);
    refund.currency = read_optional_text(row["currency"]);
    refund.reason = read_optional_text(row["reason"]);
    refund.failure_code = read_optional_text(row["failure_code"]);
    refund.refund_time = read_optional_instant(row["refund_time"]);
    refund.found_by = read_value<evidence>(row["evidence"]);
    refund.recorded_at = read_instant(row["recorded_at"]);
    return refund;
}

dispute_record read_dispute(const pqxx::row& row) {
    dispute_record dispute;
    dispute.id = row["dispute_id"].as<std::int64_t>();
    dispute.clink_id = clink_dispute_id(row["clink_dispute_id"].as<std::string>());
    dispute.order_id = read_optional_id<clink_order_id>(row["clink_order_id"]);
    dispute.status = read_value<dispute_status>(row["status"]);
    dispute.amount = read_optional_decimal(row["amount"]);
    dispute.currency = read_optional_text(row["currency"]);
    dispute.reason_code = read_optional_text(row["reason_code"]);
    dispute.reason = read_optional_text(row["reason"]);
    dispute.evidence_deadline = read_optional_instant(row["evidence_deadline"]);
    dispute.said_at = read_instant(row["said_at"]);
    dispute.recorded_at = read_instant(row["recorded_at"]);
    return dispute;
}

} // namespace checkout
