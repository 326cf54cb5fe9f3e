#include "telemetry/otlp_json.h"

#include "json/json.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace checkout {

namespace {

constexpr std::uint32_t sampled_flag = 0x01;
constexpr std::uint32_t remoteness_is_known = 0x100;
constexpr std::uint32_t parent_is_remote = 0x200;
constexpr int status_error = 2;

std::string unix_nanos(std::chrono::system_clock::time_point at) {
    const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch());
    return std::to_string(since.count());
}

int number_of(span_kind kind) {
    switch (kind) {
    case span_kind::internal:
        return 1;
    case span_kind::server:
        return 2;
    case span_kind::client:
        return 3;
    }
    return 0;
}

json_value write_value(const span_value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value))
        return json_object{{"intValue", std::to_string(*number)}};
    return json_object{{"stringValue", std::get<std::string>(value)}};
}

template <class Attributes>
json_array write_attributes(const Attributes& attributes) {
    json_array list;
    list.reserve(attributes.size());
    for (const auto& [key, value] : attributes)
        list.push_back(json_object{{"key", key}, {"value", write_value(value)}});
    return list;
}

json_value write_span(const finished_span& span) {
    json_object shown;
    shown.reserve(11);
    shown.push_back({"traceId", to_hex(span.context.trace)});
    shown.push_back({"spanId", to_hex(span.context.span)});
    if (!span.context.tracestate.empty())
        shown.push_back({"traceState", span.context.tracestate});
    if (span.parent != span_id{})
        shown.push_back({"parentSpanId", to_hex(span.parent)});
    const auto flags = (span.context.sampled ? sampled_flag : 0) | remoteness_is_known
                       | (span.has_remote_parent ? parent_is_remote : 0);
    shown.push_back({"flags", static_cast<std::int64_t>(flags)});
    shown.push_back({"name", span.name});
    shown.push_back({"kind", number_of(span.kind)});
    shown.push_back({"startTimeUnixNano", unix_nanos(span.began)});
    shown.push_back({"endTimeUnixNano", unix_nanos(span.ended)});
    shown.push_back({"attributes", write_attributes(span.attributes)});
    if (span.failed)
        shown.push_back({"status", json_object{{"code", status_error}}});
    return shown;
}

/// A 64-bit number, which the mapping writes as text and lets be read as either.
std::int64_t read_count(const json_value& value) {
    const auto* number = value.if_number();
    const auto* text = number != nullptr ? &number->token : value.if_string();
    std::int64_t count = 0;
    if (text != nullptr)
        std::from_chars(text->data(), text->data() + text->size(), count);
    return std::max<std::int64_t>(count, 0);
}

} // namespace

std::string write_otlp(const resource_attributes& resource, std::span<const finished_span> spans) {
    json_array list;
    list.reserve(spans.size());
    for (const auto& each : spans)
        list.push_back(write_span(each));
    json_object scope{{"scope", json_object{{"name", "clink-checkout"}}}, {"spans", std::move(list)}};
    json_object from{{"resource", json_object{{"attributes", write_attributes(resource)}}},
                     {"scopeSpans", json_array{std::move(scope)}}};
    return write_json(json_object{{"resourceSpans", json_array{std::move(from)}}});
}

std::int64_t read_rejected_spans(std::string_view body) {
    const auto answer = parse_json(body);
    const auto* partial = answer ? answer->find("partialSuccess") : nullptr;
    const auto* rejected = partial != nullptr ? partial->find("rejectedSpans") : nullptr;
    return rejected != nullptr ? read_count(*rejected) : 0;
}

} // namespace checkout
