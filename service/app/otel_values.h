// The OpenTelemetry settings' texts as values (its "Environment Variable Specification"), as setting_values.h
// reads the others.
#pragma once

#include "app/setting_values.h"
#include "app/settings.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

/// key=value, comma separated, values percent-encoded where they must be (W3C Baggage without properties).
setting_fault read_resource_attributes(std::string_view text,
                                       std::vector<std::pair<std::string, std::string>>& out);
/// The same, where every key and value can be an HTTP header.
setting_fault read_otlp_headers(std::string_view text, std::vector<std::pair<std::string, std::string>>& out);
/// The endpoint that a signal's path is added to.
setting_fault read_otlp_base(std::string_view text, web_url& out);
/// The endpoint as it is.
setting_fault read_otlp_endpoint(std::string_view text, web_url& out);
setting_fault read_sampler(std::string_view text, trace_sampler& out);
/// From 0 to 1.
setting_fault read_ratio(std::string_view text, double& out);
setting_fault read_switch(std::string_view text, bool& out);
setting_fault read_utf8(std::string_view text, std::string& out);

} // namespace checkout
