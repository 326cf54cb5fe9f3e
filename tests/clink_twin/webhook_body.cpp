#include "webhook_body.h"

#include "bend.h"

#include "crypto/digest.h"

#include <chrono>

namespace clink_twin {

namespace {

struct object_maker {
    const webhook_settings& options;
    const override_book& overrides;

    json_object operator()(const session& of) const {
        auto full = options.session == session_body::full;
        auto body = full ? session_json(of) : null_heavy_session_json(of);
        overrides.apply(of.id, body);
        return body;
    }
    json_object operator()(const order& of) const {
        auto body = order_json(of, false);
        overrides.apply(of.id, body);
        return body;
    }
    json_object operator()(const refund& of) const { return refund_json(of); }
    json_object operator()(const dispute& of) const { return dispute_json(of); }
};

std::optional<decimal> amount_in(const json_value* value) {
    if (!value)
        return std::nullopt;
    if (auto* number = value->if_number())
        return decimal::parse_lenient(number->token);
    auto* text = value->if_string();
    return text ? decimal::parse_lenient(*text) : std::nullopt;
}

std::string text_in(const json_value* value) {
    auto* text = value ? value->if_string() : nullptr;
    return text ? *text : std::string();
}

/// What an answer's `data` must copy from the event, or be filled with at all.
std::string check_account_data(const json_value& data, const json_value& object) {
    for (auto* name : {"customerEmail", "webSite", "userId", "currency"})
        if (text_in(data.find(name)).empty())
            return std::string(name) + " is missing";
    if (text_in(data.find("customerEmail")) != text_in(object.find("customerEmail")))
        return "customerEmail differs";
    if (text_in(data.find("currency")) != text_in(object.find("paymentCurrency")))
        return "currency differs";
    auto amount = amount_in(data.find("amount"));
    return amount && amount == amount_in(object.find("amountTotal")) ? "valid" : "amount differs";
}

} // namespace

json_value event_object(const event& of, const webhook_settings& options, const override_book& overrides) {
    auto object = std::visit(object_maker{options, overrides}, of.resource);
    if (options.null_reference && checkout::find_member(object, "merchantReferenceId"))
        set_member(object, "merchantReferenceId", "null");
    json_value result = std::move(object);
    if (options.amounts_as_strings)
        stringify_amounts(result);
    if (options.extra_fields)
        add_unknown_members(result);
    return result;
}

std::string event_body(const std::string& event_id, const std::string& type, instant created,
                       json_value object, const webhook_settings& options) {
    json_object body = {{"id", event_id}, {"object", "event"}};
    if (options.legacy_envelope) {
        body.push_back({"livemode", false});
        body.push_back({"created", time_json(created)});
        body.push_back({"type", type});
        body.push_back({"data", std::move(object)});
    } else {
        body.push_back({"created", to_milliseconds(created)});
        body.push_back({"type", type});
        body.push_back({"data", json_object{{"object", std::move(object)}}});
    }
    if (options.extra_fields)
        body.push_back({"xNewFlag", true});
    return checkout::write_json(body);
}

std::string delivery_timestamp(instant at, const webhook_settings& options) {
    auto shifted = at + std::chrono::seconds(options.timestamp_offset_seconds);
    auto milliseconds = to_milliseconds(shifted);
    switch (options.timestamps) {
    case timestamp_unit::milliseconds:
        return std::to_string(milliseconds);
    case timestamp_unit::seconds:
        return std::to_string(milliseconds / 1000);
    }
    return {};
}

std::string sign_body(std::string_view secret, std::string_view timestamp, std::string_view body) {
    auto text = std::string(timestamp) + "." + std::string(body);
    return checkout::to_hex(checkout::hmac_sha256(secret, text));
}

std::string check_account_response(const std::string& answer, const std::string& event_body) {
    if (answer.empty())
        return "absent";
    auto parsed = checkout::parse_json(answer);
    auto event = checkout::parse_json(event_body);
    if (!parsed || !event)
        return "not JSON";
    auto type = text_in(parsed->find("type"));
    if (text_in(parsed->find("object")) != "event"
        || (type != "account.created" && type != "account.reloaded"))
        return "object or type differs";
    auto* answer_data = parsed->find("data");
    auto* event_data = event->find("data");
    auto* object = event_data ? event_data->find("object") : nullptr;
    if (!answer_data)
        return "data is missing";
    return check_account_data(*answer_data, object ? *object : *event_data);
}

} // namespace clink_twin
