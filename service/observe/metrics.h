// What the service counts and measures, by name; GET /metrics shows it. Process-wide like the log, and safe
// from any thread. Label values come from closed sets (routes, statement names, enumerators), never from a
// caller: no id, token or URL. deploy/monitoring/README.md lists the same names; a test compares.
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

/// Values of a family's labels, in the order in which it names them.
using label_values = std::initializer_list<std::string_view>;

/// A metric's name, meaning (# HELP) and labels.
struct metric_description {
    std::string name;
    std::string help;
    std::vector<std::string> labels = {};
};

/// Grows from 0 at the process's start.
class counter_family {
public:
    explicit counter_family(const metric_description& what);
    ~counter_family();
    counter_family(const counter_family&) = delete;
    counter_family& operator=(const counter_family&) = delete;

    /// With 0 the series begins to exist, so that its first increase is seen as one.
    void add(label_values labels, double amount = 1);
    /// For what is counted elsewhere, and only grows.
    void advance_to(label_values labels, double total);

private:
    class series;
    std::unique_ptr<series> series_;
};

class gauge_family {
public:
    explicit gauge_family(const metric_description& what);
    ~gauge_family();
    gauge_family(const gauge_family&) = delete;
    gauge_family& operator=(const gauge_family&) = delete;

    void set(label_values labels, double value);
    void add(label_values labels, double change);

private:
    class series;
    std::unique_ptr<series> series_;
};

class histogram_family {
public:
    /// `bounds`: the buckets' upper bounds in seconds, rising.
    histogram_family(const metric_description& what, std::initializer_list<double> bounds);
    ~histogram_family();
    histogram_family(const histogram_family&) = delete;
    histogram_family& operator=(const histogram_family&) = delete;

    /// The series begins to exist, with nothing in it.
    void begin(label_values labels);
    void observe(label_values labels, std::chrono::duration<double> took);

private:
    class series;
    std::unique_ptr<series> series_;
};

/// Every metric of the service. Those marked (record) are read from the database by every replica alike: max
/// over the replicas, never sum.
struct metric_set {
    metric_set();

    // HTTP
    counter_family http_requests;     ///< listener, method, route, status
    histogram_family http_duration;   ///< method, route
    counter_family http_problems;     ///< route, code
    gauge_family http_in_flight;      ///< no label
    gauge_family http_connections;    ///< listener
    counter_family http_refused;      ///< listener
    gauge_family certificate_expires; ///< no label; only with TLS

    // Clink
    histogram_family clink_calls; ///< operation, outcome
    gauge_family clink_circuit_open;

    // Database
    gauge_family database_queue;          ///< pool
    gauge_family database_connections;    ///< pool
    gauge_family database_busy;           ///< pool
    histogram_family database_wait;       ///< pool
    histogram_family database_operations; ///< pool, operation
    counter_family database_failures;     ///< pool, operation, reason

    // The work
    gauge_family creates_in_flight;
    counter_family attempts;       ///< outcome: released, refused, dark, fenced
    histogram_family time_to_know; ///< evidence
    counter_family payments;       ///< verdict
    counter_family webhooks;       ///< outcome: accepted, duplicate, bad_signature, late, not_understood

    // The record
    gauge_family sessions;         ///< (record) state: creating, open, processing, superseded, dark
    gauge_family oldest_unsettled; ///< (record)
    gauge_family overdue_sessions; ///< (record)
    gauge_family exposed_orders;   ///< (record)
    counter_family exposure;       ///< (record) while this replica ran
    gauge_family sweeper_lag;      ///< (record)
    gauge_family sweeper_due;      ///< (record)
    gauge_family webhooks_pending; ///< (record)
    gauge_family discrepancies;    ///< (record) kind
    gauge_family feed_lag;         ///< (record)
    gauge_family feed_pending;     ///< (record)
    gauge_family feed_waiting;     ///< readers
    gauge_family finance_as_of;    ///< in what finance reads, a standby where there is one
    gauge_family record_read_at;   ///< when the former were read
    counter_family record_read_failures;

    // The process
    gauge_family build_info; ///< version, revision, compiler
    gauge_family ready;      ///< what /readyz answered last
    gauge_family draining;
    counter_family log_lines; ///< level: warning, error
    counter_family spans;     ///< outcome: exported, dropped, failed
    gauge_family resident_memory;
    counter_family cpu_seconds;
    gauge_family start_time;
    gauge_family open_files;
    gauge_family max_files;
    gauge_family threads;
};

metric_set& metrics();

/// Prometheus's text format 0.0.4, with the process's own figures as they are now.
std::string write_metrics();

/// Counts its life in a gauge without labels.
class gauge_hold {
public:
    explicit gauge_hold(gauge_family& gauge) : gauge_(gauge) { gauge_.add({}, 1); }
    ~gauge_hold() { gauge_.add({}, -1); }
    gauge_hold(const gauge_hold&) = delete;
    gauge_hold& operator=(const gauge_hold&) = delete;

private:
    gauge_family& gauge_;
};

} // namespace checkout
