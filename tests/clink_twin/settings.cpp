#include "settings.h"

#include "json_access.h"

#include <algorithm>
#include <array>
#include <span>

namespace clink_twin {

namespace {

template <class E>
using spelling = std::pair<E, std::string_view>;

constexpr std::array error_styles = {spelling<error_style>{error_style::http_200, "http_200"},
                                     spelling<error_style>{error_style::http_4xx, "http_4xx"}};
constexpr std::array unauthorized_styles = {
    spelling<unauthorized_style>{unauthorized_style::text, "text"},
    spelling<unauthorized_style>{unauthorized_style::envelope, "envelope"}};
constexpr std::array list_orders = {spelling<list_order>{list_order::newest_first, "newest_first"},
                                    spelling<list_order>{list_order::oldest_first, "oldest_first"}};
constexpr std::array refund_outcomes = {spelling<refund_outcome>{refund_outcome::success, "success"},
                                        spelling<refund_outcome>{refund_outcome::pending, "pending"},
                                        spelling<refund_outcome>{refund_outcome::failed, "failed"}};
constexpr std::array timestamp_units = {
    spelling<timestamp_unit>{timestamp_unit::milliseconds, "milliseconds"},
    spelling<timestamp_unit>{timestamp_unit::seconds, "seconds"}};
constexpr std::array signature_styles = {spelling<signature_style>{signature_style::valid, "valid"},
                                         spelling<signature_style>{signature_style::wrong, "wrong"},
                                         spelling<signature_style>{signature_style::absent, "absent"}};
constexpr std::array retry_timestamps = {spelling<retry_timestamp>{retry_timestamp::fresh, "fresh"},
                                         spelling<retry_timestamp>{retry_timestamp::original, "original"}};
constexpr std::array session_bodies = {spelling<session_body>{session_body::null_heavy, "null_heavy"},
                                       spelling<session_body>{session_body::full, "full"}};

std::span<const spelling<error_style>> spellings(error_style) {
    return error_styles;
}

std::span<const spelling<unauthorized_style>> spellings(unauthorized_style) {
    return unauthorized_styles;
}

std::span<const spelling<list_order>> spellings(list_order) {
    return list_orders;
}

std::span<const spelling<refund_outcome>> spellings(refund_outcome) {
    return refund_outcomes;
}

std::span<const spelling<timestamp_unit>> spellings(timestamp_unit) {
    return timestamp_units;
}

std::span<const spelling<signature_style>> spellings(signature_style) {
    return signature_styles;
}

std::span<const spelling<retry_timestamp>> spellings(retry_timestamp) {
    return retry_timestamps;
}

std::span<const spelling<session_body>> spellings(session_body) {
    return session_bodies;
}

/// The one list of webhook settings' names, for reading and for writing.
template <class Settings, class Visitor>
void visit_webhooks(Settings& settings, Visitor& visit) {
    visit("enabled", settings.enabled);
    visit("hold", settings.hold);
    visit("url", settings.url);
    visit("duplicates", settings.duplicates);
    visit("shuffle", settings.shuffle);
    visit("drop", settings.drop);
    visit("delay_ms", settings.delay_ms);
    visit("timeout_ms", settings.timeout_ms);
    visit("max_retries", settings.max_retries);
    visit("retry_scale", settings.retry_scale);
    visit("retry_timestamp", settings.on_retry);
    visit("timestamp_unit", settings.timestamps);
    visit("timestamp_offset_seconds", settings.timestamp_offset_seconds);
    visit("sign_type", settings.sign_type);
    visit("signature", settings.signature);
    visit("session_body", settings.session);
    visit("amounts_as_strings", settings.amounts_as_strings);
    visit("null_reference", settings.null_reference);
    visit("extra_fields", settings.extra_fields);
    visit("legacy_envelope", settings.legacy_envelope);
}

template <class Settings, class Visitor>
void visit_settings(Settings& settings, Visitor& visit) {
    visit("merchant_name", settings.merchant_name);
    visit("latency_ms", settings.latency_ms);
    visit("timestamp_window_seconds", settings.timestamp_window_seconds);
    visit("error_style", settings.errors);
    visit("unauthorized_style", settings.unauthorized);
    visit("strict", settings.strict);
    visit("list_order", settings.orders);
    visit("list_by_reference", settings.list_by_reference);
    visit("list_lag_ms", settings.list_lag_ms);
    visit("elements_url", settings.elements_url);
    visit("session_lifetime_seconds", settings.session_lifetime_seconds);
    visit("metadata_on_orders", settings.metadata_on_orders);
    visit("refund_outcome", settings.refunds);
    visit("surcharge", settings.surcharge);
    visit("local_currency", settings.local);
    visit("promotions", settings.promotions);
}

json_value to_json(bool value) {
    return value;
}

json_value to_json(std::int64_t value) {
    return value;
}

json_value to_json(const std::string& value) {
    return value;
}

json_value to_json(const decimal& value) {
    return value.to_string();
}

json_value to_json(const std::vector<std::string>& values) {
    json_array array;
    for (auto& value : values)
        array.emplace_back(value);
    return array;
}

json_value to_json(const local_currency& value) {
    if (value.currency.empty())
        return nullptr;
    return json_object{{"currency", value.currency}, {"exchange_rate", value.exchange_rate.to_string()}};
}

json_value to_json(const std::map<std::string, promotion>& promotions) {
    json_object object;
    for (auto& [code, each] : promotions)
        object.push_back({code, json_object{{"percent_off", each.percent_off.to_string()},
                                            {"amount_off", each.amount_off.to_string()}}});
    return object;
}

template <class E>
requires std::is_enum_v<E> json_value to_json(E value) {
    for (auto& [each, text] : spellings(value))
        if (each == value)
            return text;
    throw std::logic_error("an enumerator without a spelling");
}

struct writer {
    json_object out;

    template <class T>
    void operator()(std::string_view name, const T& value) {
        out.push_back({std::string(name), to_json(value)});
    }
};

void from_json(bool& out, const json_value& value, std::string_view name) {
    out = flag_of(value, name);
}

void from_json(std::string& out, const json_value& value, std::string_view name) {
    out = text_of(value, name);
}

void from_json(decimal& out, const json_value& value, std::string_view name) {
    out = decimal_of(value, name);
}

void from_json(std::int64_t& out, const json_value& value, std::string_view name) {
    out = integer_of(value, name);
}

void from_json(std::vector<std::string>& out, const json_value& value, std::string_view name) {
    auto* array = value.if_array();
    if (!array)
        throw control_error(std::string(name) + " must be an array of strings");
    out.clear();
    for (auto& each : *array)
        out.push_back(text_of(each, name));
}

void from_json(local_currency& out, const json_value& value, std::string_view) {
    out = {};
    if (value.is_null())
        return;
    out.currency = find_text(value, "currency").value_or("");
    out.exchange_rate = find_decimal(value, "exchange_rate").value_or(decimal::from_integer(1));
}

void from_json(std::map<std::string, promotion>& out, const json_value& value, std::string_view name) {
    auto* object = value.if_object();
    if (!object)
        throw control_error(std::string(name) + " must be an object of promotion codes");
    out.clear();
    for (auto& [code, each] : *object)
        out[code] = {find_decimal(each, "percent_off").value_or(decimal()),
                     find_decimal(each, "amount_off").value_or(decimal())};
}

template <class E>
requires std::is_enum_v<E>
void from_json(E& out, const json_value& value, std::string_view name) {
    auto wanted = text_of(value, name);
    for (auto& [each, text] : spellings(out))
        if (text == wanted) {
            out = each;
            return;
        }
    throw control_error(std::string(name) + " has no choice \"" + wanted + "\"");
}

/// Takes each known member of an object and finds the first unknown one.
struct reader {
    const json_value& in;
    std::vector<std::string_view> known;

    template <class T>
    void operator()(std::string_view name, T& out) {
        known.push_back(name);
        if (auto* value = in.find(name))
            from_json(out, *value, name);
    }

    void finish(std::string_view what) const {
        auto* object = in.if_object();
        if (!object)
            throw control_error(std::string(what) + " must be an object");
        for (auto& member : *object)
            if (std::ranges::find(known, member.name) == known.end())
                throw control_error(std::string(what) + " has no \"" + member.name + "\"");
    }
};

} // namespace

json_value settings_json(const twin_settings& settings) {
    writer webhooks;
    visit_webhooks(settings.webhooks, webhooks);
    webhooks.out.push_back({"secret_set", !settings.webhooks.secret.empty()});
    writer all;
    visit_settings(settings, all);
    all.out.push_back({"api_keys_set", static_cast<std::int64_t>(settings.api_keys.size())});
    all.out.push_back({"webhooks", std::move(webhooks.out)});
    return std::move(all.out);
}

void merge_settings(twin_settings& settings, const json_value& changes) {
    auto merged = settings;
    reader all{changes, {"webhooks", "api_keys_set"}}; // so that what was read can be put back
    visit_settings(merged, all);
    all("api_keys", merged.api_keys);
    all.finish("settings");
    if (auto* webhook_changes = changes.find("webhooks")) {
        reader webhooks{*webhook_changes, {"secret_set"}};
        visit_webhooks(merged.webhooks, webhooks);
        webhooks("secret", merged.webhooks.secret);
        webhooks.finish("webhooks");
    }
    settings = std::move(merged);
}

std::map<std::string, promotion> usual_promotions() {
    return {{"WELCOME10", {decimal::from_integer(10), {}}}, {"TAKE5", {{}, decimal::from_integer(5)}}};
}

} // namespace clink_twin
