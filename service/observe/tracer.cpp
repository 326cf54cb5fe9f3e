#include "observe/tracer.h"

#include <cmath>

namespace checkout {

namespace {

/// By the id's last 63 bits, which are random whoever made it: two processes with one ratio decide alike.
bool is_chosen(const trace_id& id, double ratio) {
    std::uint64_t low = 0;
    for (std::size_t i = id.size() / 2; i < id.size(); ++i)
        low = low << 8 | id[i];
    return ratio >= 1 || low >> 1 < static_cast<std::uint64_t>(std::ldexp(ratio, 63));
}

} // namespace

struct span::record {
    finished_span span;
    std::chrono::steady_clock::time_point since;
    span_sink* sink = nullptr;
};

span::span(span&& other) noexcept = default;

span& span::operator=(span&& other) noexcept {
    end();
    context_ = std::move(other.context_);
    recorded_ = std::move(other.recorded_);
    return *this;
}

span::~span() {
    end();
}

void span::set(std::string_view attribute, std::string_view value) {
    if (recorded_)
        recorded_->span.attributes.emplace_back(attribute, std::string(value));
}

void span::set(std::string_view attribute, std::int64_t value) {
    if (recorded_)
        recorded_->span.attributes.emplace_back(attribute, value);
}

void span::fail(std::string_view error_type) {
    set("error.type", error_type);
    if (recorded_)
        recorded_->span.failed = true;
}

/// Its length is taken from the clock that is never set; only its place in time from the other one.
void span::end() noexcept {
    if (!recorded_)
        return;
    const auto done = std::move(recorded_);
    const auto taken = std::chrono::steady_clock::now() - done->since;
    done->span.ended = std::chrono::system_clock::now();
    done->span.began =
        done->span.ended - std::chrono::duration_cast<std::chrono::system_clock::duration>(taken);
    done->sink->take(std::move(done->span));
}

struct tracer::start {
    span_kind kind;
    std::string name;
    std::chrono::steady_clock::time_point since;
    bool is_root = false;
};

span tracer::begin_root(span_kind kind, std::string name, call_context origin,
                        std::chrono::steady_clock::time_point since) const {
    auto& trace = origin.trace;
    const bool decided = trace.exists() && (chosen_.follows_parent || sink_ == nullptr);
    if (!trace.exists())
        trace.trace = make_trace_id();
    if (!decided)
        trace.sampled = sink_ != nullptr && is_chosen(trace.trace, chosen_.ratio);
    return begin({kind, std::move(name), since, true}, std::move(origin));
}

span tracer::begin_child(span_kind kind, std::string name, call_context parent) const {
    if (!parent.trace.exists())
        return begin_root(kind, std::move(name), std::move(parent));
    return begin({kind, std::move(name), std::chrono::steady_clock::now()}, std::move(parent));
}

/// A span that is not recorded has no id of its own, so that what is recorded below it hangs on what is
/// recorded above it.
span tracer::begin(start with, call_context context) const {
    const bool recorded = sink_ != nullptr && context.trace.sampled;
    const auto parent = context.trace.span;
    if (recorded || parent == span_id{})
        context.trace.span = make_span_id();
    span begun;
    begun.context_ = std::move(context);
    if (!recorded)
        return begun;
    begun.recorded_ = std::make_unique<span::record>();
    begun.recorded_->since = with.since;
    begun.recorded_->sink = sink_;
    auto& shown = begun.recorded_->span;
    shown.context = begun.context_.trace;
    shown.parent = parent;
    shown.has_remote_parent = with.is_root && parent != span_id{};
    shown.kind = with.kind;
    shown.name = std::move(with.name);
    if (!begun.context_.request_id.empty())
        begun.set("checkout.request_id", begun.context_.request_id);
    return begun;
}

} // namespace checkout
