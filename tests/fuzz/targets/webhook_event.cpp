// The body of a webhook: whatever it holds there is an event with an id, and what it claims has the form that
// the record can keep.
#include "clink/webhook_event.h"

#include "crypto/digest.h"
#include "domain/decimal.h"
#include "http/text_rules.h"
#include "support/facts_text.h"
#include "support/json_mutator.h"
#include "support/property.h"
#include "json/json.h"

#include <algorithm>
#include <cstdint>

using namespace checkout;

namespace {

constexpr std::string_view digest_prefix = "sha256:";

bool is_plain(std::string_view text) {
    return decode_utf8(text) && std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
           });
}

std::string id_of_body(std::string_view body) {
    return std::string(digest_prefix) + to_hex(sha256(body));
}

std::string facts_of(const webhook_event& event) {
    return event.type + "\n" + std::to_string(static_cast<int>(event.subject)) + "\n"
           + (event.created ? to_rfc3339_micros(*event.created) : "") + "\n" + text_of(event.session)
           + text_of(event.order) + text_of(event.refund) + text_of(event.dispute);
}

void check_names(const webhook_event& event, std::string_view body) {
    must(!event.id.empty() && event.id.size() <= 512 && is_plain(event.id), "every event has an id");
    must(event.type.size() <= 512 && is_plain(event.type), "a type is plain text");
    if (!parse_json(body))
        must(event.id == id_of_body(body) && event.type.empty(),
             "a body that is not JSON is named by its digest");
}

void check_subject(const webhook_event& event) {
    using enum webhook_subject;
    must(event.session.has_value() == (event.subject == session), "a session with its subject alone");
    must(event.order.has_value() == (event.subject == order), "an order with its subject alone");
    must(event.refund.has_value() == (event.subject == refund), "a refund with its subject alone");
    must(event.dispute.has_value() == (event.subject == dispute), "a dispute with its subject alone");
    must(!event.claims_payment() || event.session || event.order, "only sessions and orders are paid");
    must(!event.session_id() || !event.session_id()->empty(), "a session is named or not");
    must(!event.order_id() || !event.order_id()->empty(), "an order is named or not");
}

void check_account(const webhook_event& event) {
    if (!event.account)
        return;
    must(event.type == "order.succeeded", "only order.succeeded is answered with an account");
    const auto amount = parse_json(event.account->amount);
    must(amount && amount->if_number(), "the amount that is sent back is a JSON number");
    must(decimal::parse_lenient(event.account->amount).has_value(),
         "the amount that is sent back is an amount");
    must(is_plain(event.account->customer_email) && is_plain(event.account->currency),
         "the rest is plain text");
}

/// The same event written in another way says the same: members sorted, one more that nobody knows, and the
/// resource directly under `data` (5.5).
void check_rewritten(const webhook_event& event, const json_value& body) {
    const auto sorted = write_canonical_json(body);
    const auto again = read_webhook_event(sorted);
    must(facts_of(again) == facts_of(event), "the order of members is of no matter");
    must(again.id == event.id || event.id.starts_with(digest_prefix), "an id is the event's own");

    auto more = body;
    if (auto* object = more.if_object(); object != nullptr && !body.find("added")) {
        object->push_back({"added", json_array{1, "x"}});
        must(facts_of(read_webhook_event(write_json(more))) == facts_of(event),
             "unknown members disturb nothing");
    }

    const auto* data = body.find("data");
    const auto* resource = data != nullptr ? data->find("object") : nullptr;
    if (resource == nullptr || !resource->if_object() || resource->find("object") != nullptr)
        return;
    for (auto& member : *more.if_object())
        if (member.name == "data")
            member.value = *resource;
    must(facts_of(read_webhook_event(write_json(more))) == facts_of(event),
         "the older envelope says the same");
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_json(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const auto event = read_webhook_event(body);
    check_names(event, body);
    check_subject(event);
    check_account(event);
    if (const auto parsed = parse_json(body))
        check_rewritten(event, *parsed);
    return 0;
}
