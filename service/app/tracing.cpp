#include "app/tracing.h"

#include "app/version.h"
#include "observe/log.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

namespace checkout {

namespace {

constexpr std::chrono::milliseconds last_patience{2'000};
constexpr std::string_view spoken_protocol = "http/json";

void put(resource_attributes& into, std::string_view key, std::string value) {
    std::erase_if(into, [&](const auto& each) { return each.first == key; });
    into.emplace_back(key, std::move(value));
}

/// What the operator says comes before what is known here, OTEL_SERVICE_NAME before OTEL_RESOURCE_ATTRIBUTES.
resource_attributes make_resource(const tracing_settings& with) {
    resource_attributes resource{{"service.name", "clink-checkout"}, {"service.version", version_number()}};
    for (const auto& [key, value] : with.resource)
        put(resource, key, value);
    if (!with.service_name.empty())
        put(resource, "service.name", with.service_name);
    put(resource, "telemetry.sdk.name", "clink-checkout");
    put(resource, "telemetry.sdk.language", "cpp");
    put(resource, "telemetry.sdk.version", version_number());
    return resource;
}

exporter_options make_exporter_options(const tracing_settings& with, const web_url& to) {
    exporter_options options;
    options.to = {.https = to.https,
                  .host = to.host,
                  .port = std::to_string(to.effective_port()),
                  .path = to.path,
                  .headers = with.headers,
                  .ca_file = with.ca_file,
                  .version = version_number()};
    options.resource = make_resource(with);
    options.queue_spans = with.queue_spans;
    options.batch_spans = std::min(with.batch_spans, with.queue_spans);
    options.delay = with.delay;
    options.timeout = std::min(with.timeout, with.batch_timeout);
    return options;
}

std::unique_ptr<span_exporter> make_exporter(const tracing_settings& with) {
    const auto& to = with.traces_endpoint ? with.traces_endpoint : with.endpoint;
    if (!to || with.disabled)
        return nullptr;
    if (!with.protocol.empty() && with.protocol != spoken_protocol)
        write_log(log_level::warning, "otlp_protocol_unsupported",
                  {{"protocol", with.protocol}, {"used", spoken_protocol}});
    return std::make_unique<span_exporter>(make_exporter_options(with, *to));
}

tracer make_tracer(const tracing_settings& with, span_exporter* exporter) {
    const sampling chosen{with.sampler.follows_parent, with.sampler.fixed_ratio.value_or(with.sampler_ratio)};
    return exporter != nullptr ? tracer(chosen, *exporter) : tracer();
}

} // namespace

tracing::tracing(const tracing_settings& with)
    : exporter_(make_exporter(with)),
      tracer_(make_tracer(with, exporter_.get())) {}

tracing::~tracing() {
    close();
}

void tracing::close() noexcept {
    if (exporter_)
        exporter_->close(last_patience);
}

} // namespace checkout
