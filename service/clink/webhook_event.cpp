#include "clink/webhook_event.h"

#include "clink/wire.h"
#include "clink/wire_values.h"
#include "crypto/digest.h"

#include <algorithm>
#include <array>

namespace checkout {

namespace {

/// Groups of the catalogue that are nothing to a checkout.
constexpr std::array<std::string_view, 9> other_groups{
    "subscription", "invoice",      "payment_method",       "customer",  "risk_rule",
    "agent_order",  "agent_refund", "purchase_instruction", "vic_device"};

/// The resource: `data.object`, or `data` itself in the older forms.
const json_value* find_resource(const json_value& envelope) {
    const auto* data = envelope.find("data");
    if (data == nullptr)
        return nullptr;
    const auto* object = data->find("object");
    return object != nullptr && object->if_object() != nullptr ? object : data;
}

std::optional<account_claim> read_account(const json_value& resource) {
    auto email = read_text(resource.find("customerEmail"));
    auto currency = read_currency(resource.find("paymentCurrency"));
    const auto* total = resource.find("amountTotal");
    if (!email || !currency || !read_amount(total))
        return std::nullopt;
    const auto* number = total->if_number();
    auto amount = number != nullptr ? number->token : read_amount(total)->to_string();
    return account_claim{std::move(*email), std::move(amount), std::move(*currency)};
}

void read_subject(webhook_event& event, const json_value& resource) {
    const auto group = std::string_view(event.type).substr(0, event.type.find('.'));
    using enum webhook_subject;
    if (group == "session")
        event.session = read_session_facts(resource);
    else if (group == "order")
        event.order = read_order_facts(resource);
    else if (group == "refund")
        event.refund = read_refund_facts(resource);
    else if (group == "dispute")
        event.dispute = read_dispute_facts(resource);
    if (event.type == "order.succeeded")
        event.account = read_account(resource);
    event.subject = event.session                                                  ? session
                    : event.order                                                  ? order
                    : event.refund                                                 ? refund
                    : event.dispute                                                ? dispute
                    : std::ranges::find(other_groups, group) != other_groups.end() ? other
                                                                                   : unrecognised;
}

} // namespace

bool webhook_event::claims_payment() const {
    if (session)
        return session->payment_status == clink_payment_status::paid;
    return order && order->status == clink_order_status::success;
}

std::optional<clink_session_id> webhook_event::session_id() const {
    if (session)
        return session->session_id;
    return order ? order->session_id : std::nullopt;
}

std::optional<clink_order_id> webhook_event::order_id() const {
    if (order)
        return order->order_id;
    return session ? session->order_id : std::nullopt;
}

std::optional<std::string> webhook_event::reference() const {
    if (session)
        return session->merchant_reference_id;
    if (dispute)
        return dispute->merchant_reference_id;
    return order ? order->merchant_reference_id : std::nullopt;
}

webhook_event read_webhook_event(std::string_view body) {
    webhook_event event;
    const auto envelope = parse_json(body);
    if (envelope) {
        event.id = read_id(envelope->find("id")).value_or("");
        event.type = read_id(envelope->find("type")).value_or("");
        event.created = read_instant(envelope->find("created"));
        const auto* resource = find_resource(*envelope);
        if (resource != nullptr)
            read_subject(event, *resource);
    }
    if (event.id.empty())
        event.id = "sha256:" + to_hex(sha256(body));
    return event;
}

} // namespace checkout
