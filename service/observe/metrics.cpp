#include "observe/metrics.h"

#include "observe/process_figures.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace checkout {

namespace {

/// Outlives everything that could count at the process's end.
prometheus::Registry& registry() {
    static auto* const all = new prometheus::Registry();
    return *all;
}

/// The series of one family, found by their label values without building a map each time.
template <class Metric, class... Arguments>
class series_index {
public:
    series_index(prometheus::Family<Metric>& family, const metric_description& what, Arguments... arguments)
        : family_(family),
          labels_(what.labels),
          arguments_(std::move(arguments)...) {}

    Metric& at(label_values values) {
        if (values.size() != labels_.size())
            throw std::logic_error("a metric was given another number of labels than it has");
        const std::lock_guard lock(mutex_);
        key_.clear();
        for (const auto value : values)
            (key_ += value) += '\0';
        auto& known = known_[key_];
        if (known == nullptr)
            known = &add(values);
        return *known;
    }

private:
    Metric& add(label_values values) {
        std::map<std::string, std::string> named;
        auto label = labels_.begin();
        for (const auto value : values)
            named.emplace(*label++, value);
        return std::apply([&](const auto&... with) -> Metric& { return family_.Add(named, with...); },
                          arguments_);
    }

    prometheus::Family<Metric>& family_;
    const std::vector<std::string> labels_;
    const std::tuple<Arguments...> arguments_;
    std::mutex mutex_;
    std::string key_; ///< kept for its memory
    std::unordered_map<std::string, Metric*> known_;
};

template <class Builder>
auto& register_family(Builder builder, const metric_description& what) {
    return builder.Name(what.name).Help(what.help).Register(registry());
}

} // namespace

class counter_family::series : public series_index<prometheus::Counter> {
    using series_index::series_index;
};

counter_family::counter_family(const metric_description& what)
    : series_(std::make_unique<series>(register_family(prometheus::BuildCounter(), what), what)) {
    if (what.labels.empty())
        add({}, 0);
}

counter_family::~counter_family() = default;

void counter_family::add(label_values labels, double amount) {
    series_->at(labels).Increment(amount);
}

void counter_family::advance_to(label_values labels, double total) {
    auto& counted = series_->at(labels);
    counted.Increment(std::max(0.0, total - counted.Value()));
}

class gauge_family::series : public series_index<prometheus::Gauge> {
    using series_index::series_index;
};

gauge_family::gauge_family(const metric_description& what)
    : series_(std::make_unique<series>(register_family(prometheus::BuildGauge(), what), what)) {}

gauge_family::~gauge_family() = default;

void gauge_family::set(label_values labels, double value) {
    series_->at(labels).Set(value);
}

void gauge_family::add(label_values labels, double change) {
    series_->at(labels).Increment(change);
}

class histogram_family::series
    : public series_index<prometheus::Histogram, prometheus::Histogram::BucketBoundaries> {
    using series_index::series_index;
};

histogram_family::histogram_family(const metric_description& what, std::initializer_list<double> bounds)
    : series_(std::make_unique<series>(register_family(prometheus::BuildHistogram(), what), what,
                                       prometheus::Histogram::BucketBoundaries(bounds))) {}

histogram_family::~histogram_family() = default;

void histogram_family::begin(label_values labels) {
    series_->at(labels);
}

void histogram_family::observe(label_values labels, std::chrono::duration<double> took) {
    series_->at(labels).Observe(took.count());
}

metric_set& metrics() {
    static auto* const all = new metric_set();
    return *all;
}

std::string write_metrics() {
    auto& all = metrics();
    const auto figures = read_process_figures();
    all.resident_memory.set({}, static_cast<double>(figures.resident_bytes));
    all.cpu_seconds.advance_to({}, figures.cpu.count());
    all.start_time.set({}, figures.started_at);
    all.open_files.set({}, static_cast<double>(figures.open_files));
    all.max_files.set({}, static_cast<double>(figures.max_files));
    all.threads.set({}, static_cast<double>(figures.threads));
    return prometheus::TextSerializer().Serialize(registry().Collect());
}

} // namespace checkout
