// Spans as OTLP's ExportTraceServiceRequest in protobuf's JSON mapping: ids in hex, enumerations as numbers,
// 64-bit numbers as text (OpenTelemetry protocol 1.x, "JSON Protobuf Encoding"). And what the collector
// answers.
#pragma once

#include "observe/tracer.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

/// Who exports: `service.name` and its like, in UTF-8.
using resource_attributes = std::vector<std::pair<std::string, std::string>>;

std::string write_otlp(const resource_attributes& resource, std::span<const finished_span> spans);

/// How many spans of an accepted export the collector did not take (partialSuccess); 0 when it says nothing
/// of it.
std::int64_t read_rejected_spans(std::string_view body);

} // namespace checkout
