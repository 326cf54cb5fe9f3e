// Spans: what was done in a trace, from when to when, for whom it was and what came of it. Begun and ended
// here; where they go is a span_sink's business. What a span is told must be fit for a log: no secret, no URL
// with a token, nothing of a customer's.
#pragma once

#include "observe/call_context.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace checkout {

enum class span_kind { internal, server, client };

using span_value = std::variant<std::string, std::int64_t>;

/// A span that has ended.
struct finished_span {
    trace_context context;
    span_id parent{};               ///< all zero: the trace's first
    bool has_remote_parent = false; ///< which another process began
    span_kind kind = span_kind::internal;
    std::string name; ///< of few different ones: a route, never a path
    std::chrono::system_clock::time_point began;
    std::chrono::system_clock::time_point ended;
    std::vector<std::pair<std::string, span_value>> attributes;
    bool failed = false;
};

class span_sink {
public:
    virtual ~span_sink() = default;
    /// From any thread; neither blocks nor throws.
    virtual void take(finished_span done) noexcept = 0;
};

/// One piece of work. Ends once: by end(), or when it goes. A span that nobody records is only its context.
class span {
public:
    span() = default;
    span(span&& other) noexcept;
    span& operator=(span&& other) noexcept;
    ~span();

    /// What is handed to those who work for this one.
    const call_context& context() const { return context_; }
    void set(std::string_view attribute, std::string_view value);
    void set(std::string_view attribute, std::int64_t value);
    /// It failed, with what as `error.type`: one of few different names.
    void fail(std::string_view error_type);
    void end() noexcept;

private:
    friend class tracer;
    struct record;

    call_context context_;
    std::unique_ptr<record> recorded_;
};

/// Which traces are recorded that begin here, and whether those that come from elsewhere have decided it
/// already.
struct sampling {
    bool follows_parent = true;
    double ratio = 1; ///< of traces, decided by their ids alone: the same everywhere
};

/// Begins spans. Cheap to copy.
class tracer {
public:
    /// Records nothing: contexts are passed on as they came, a trace that begins here is not sampled.
    tracer() = default;
    /// `sink` outlives every span.
    tracer(sampling chosen, span_sink& sink) : chosen_(chosen), sink_(&sink) {}

    /// For `origin`, whose trace another process began, or nobody; `since`: when the work began.
    span begin_root(span_kind kind, std::string name, call_context origin,
                    std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now()) const;
    /// A part of the work of the span that `parent` names.
    span begin_child(span_kind kind, std::string name, call_context parent) const;

private:
    struct start;
    span begin(start with, call_context context) const;

    sampling chosen_;
    span_sink* sink_ = nullptr;
};

} // namespace checkout
