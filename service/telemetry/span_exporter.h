// Sends ended spans to a collector, off everybody's way: a bounded queue, one thread, batches. What comes
// while the queue is full is dropped and counted; nothing that the collector does slows a request down.
#pragma once

#include "observe/tracer.h"
#include "telemetry/collector.h"
#include "telemetry/otlp_json.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace checkout {

struct exporter_options {
    collector_options to;
    resource_attributes resource;
    std::size_t queue_spans = 2048;
    std::size_t batch_spans = 512; ///< of one request; sent when so many wait, or after `delay`
    std::chrono::milliseconds delay{5'000};
    std::chrono::milliseconds timeout{10'000}; ///< of a batch, tries and pauses included
};

/// Every span that was taken is in one of them, once the exporter is closed.
struct span_counts {
    std::uint64_t exported = 0; ///< the collector took it
    std::uint64_t dropped = 0;  ///< never sent: the queue was full, or the end came first
    std::uint64_t failed = 0;   ///< sent, and not taken, or not known to be
};

class span_exporter final : public span_sink {
public:
    /// Begins its thread. Throws std::runtime_error with a sentence when the certificate authorities cannot
    /// be read.
    explicit span_exporter(exporter_options options);
    /// Closes with no patience.
    ~span_exporter() override;
    span_exporter(const span_exporter&) = delete;
    span_exporter& operator=(const span_exporter&) = delete;

    void take(finished_span done) noexcept override;

    /// Sends what is queued, without pauses and each batch once more at most, and ends the thread; what is
    /// not sent after `patience` is given up, what comes later is dropped.
    void close(std::chrono::milliseconds patience) noexcept;

    /// From any thread.
    span_counts counts() const;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

/// How long to wait before a batch is sent again after `tries`; nothing: not again. Again only after what the
/// protocol calls retryable (no answer, 429, 502, 503, 504), as late as a Retry-After in seconds asks, and
/// only if that is before `left` is over. `jitter`: 0 to 1.
std::optional<std::chrono::milliseconds> find_export_pause(const collector_answer& answer, int tries,
                                                           std::chrono::milliseconds left, double jitter);

} // namespace checkout
