// Tracing as a command has it: an exporter when the settings name a collector, and the tracer that goes with
// it.
#pragma once

#include "app/settings.h"
#include "observe/tracer.h"
#include "telemetry/span_exporter.h"

#include <memory>

namespace checkout {

/// Outlives everything that was given its tracer.
class tracing {
public:
    /// Says in the log what of the settings is not spoken here. Throws std::runtime_error with a sentence
    /// when the collector's certificate authorities cannot be read.
    explicit tracing(const tracing_settings& with);
    ~tracing();
    tracing(const tracing&) = delete;
    tracing& operator=(const tracing&) = delete;

    const tracer& begins() const { return tracer_; }
    /// At the end: two seconds at most for what is not sent yet.
    void close() noexcept;

private:
    std::unique_ptr<span_exporter> exporter_; ///< nothing: nothing is recorded
    tracer tracer_;
};

} // namespace checkout
