// The catalogue: each metric's name, meaning, labels and buckets, as GET /metrics shows them.
#include "observe/metrics.h"

namespace checkout {

namespace {

/// Series that exist from the start, so that the first increase of one is not missed.
void begin_with(counter_family& family, label_values values) {
    for (const auto value : values)
        family.add({value}, 0);
}

} // namespace

metric_set::metric_set()
    : http_requests({"checkout_http_requests_total",
                     "Requests answered, by route pattern and status.",
                     {"listener", "method", "route", "status"}}),
      http_duration({"checkout_http_request_duration_seconds",
                     "From a request's first byte to its answer; of a stream to its head.",
                     {"method", "route"}},
                    {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}),
      http_problems(
          {"checkout_http_problems_total", "Problem documents answered, by their code.", {"route", "code"}}),
      http_in_flight({"checkout_http_requests_in_flight", "Requests being worked on."}),
      http_connections({"checkout_http_connections", "Open connections.", {"listener"}}),
      http_refused({"checkout_http_connections_refused_total",
                    "Connections closed when accepted because the limit was reached.",
                    {"listener"}}),
      certificate_expires({"checkout_tls_certificate_expiry_timestamp_seconds",
                           "When the main listener's certificate expires; absent without TLS."}),
      clink_calls({"checkout_clink_call_duration_seconds",
                   "Exchanges with Clink, retries included, by what they came to.",
                   {"operation", "outcome"}},
                  {.05, .1, .25, .5, 1, 2.5, 5, 10, 20}),
      clink_circuit_open({"checkout_clink_circuit_open",
                          "1 while the sweeper holds its questions back because Clink does not answer."}),
      database_queue({"checkout_database_queue_depth", "Operations that wait for a connection.", {"pool"}}),
      database_connections({"checkout_database_connections", "Open connections.", {"pool"}}),
      database_busy(
          {"checkout_database_connections_busy", "Connections that carry out an operation.", {"pool"}}),
      database_wait(
          {"checkout_database_queue_wait_seconds", "How long operations waited for a connection.", {"pool"}},
          {.0005, .001, .005, .01, .05, .1, .5, 1, 5, 20}),
      database_operations({"checkout_database_operation_duration_seconds",
                           "Operations carried out, connecting and retries included, by name.",
                           {"pool", "operation"}},
                          {.001, .0025, .005, .01, .025, .05, .1, .5, 1, 5}),
      database_failures({"checkout_database_operations_failed_total",
                         "Operations that failed, and conflicts that were tried again.",
                         {"pool", "operation", "reason"}}),
      creates_in_flight({"checkout_creates_in_flight", "Creates of this replica that hold an attempt."}),
      attempts({"checkout_attempts_total", "What became of attempts that this replica began.", {"outcome"}}),
      time_to_know({"checkout_time_to_know_seconds",
                    "From Clink's payment time to the payment's record, by the evidence that led to it.",
                    {"evidence"}},
                   {1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 21600, 86400}),
      payments({"checkout_payments_recorded_total",
                "Payments recorded, by verdict on their amount.",
                {"verdict"}}),
      webhooks({"checkout_webhooks_total", "Webhook deliveries, by what was made of them.", {"outcome"}}),
      sessions({"checkout_sessions", "Sessions that have not ended, by state (record).", {"state"}}),
      oldest_unsettled(
          {"checkout_oldest_unsettled_session_age_seconds",
           "Since the release of the oldest session that has not ended by Clink's word; 0: none (record)."}),
      overdue_sessions(
          {"checkout_overdue_sessions",
           "Released sessions an hour past their expiry of which Clink has said nothing since (record)."}),
      exposed_orders(
          {"checkout_exposed_orders", "Orders with more than one page that can be paid (record)."}),
      exposure({"checkout_exposure_order_seconds_total",
                "Order-seconds with more than one page that can be paid, while this replica ran (record)."}),
      sweeper_lag({"checkout_sweeper_lag_seconds",
                   "How long the most overdue question to Clink has been due; 0: none is (record)."}),
      sweeper_due({"checkout_sweeper_due",
                   "Questions to Clink that are due, counted to 10000 each of three kinds (record)."}),
      webhooks_pending(
          {"checkout_webhooks_pending", "Webhooks stored and not yet settled, counted to 10000 (record)."}),
      discrepancies({"checkout_discrepancies_open", "Open discrepancies, by kind (record).", {"kind"}}),
      feed_lag({"checkout_feed_lag_seconds", "How far finance's feed is behind the clock (record)."}),
      feed_pending({"checkout_feed_pending", "Events without a feed number yet, counted to 10000 (record)."}),
      feed_waiting({"checkout_feed_readers_waiting", "Readers of the feed that wait for more of it."}),
      finance_as_of({"checkout_finance_as_of_timestamp_seconds",
                     "What finance's answers are complete to, read from the database that finance reads."}),
      record_read_at({"checkout_record_read_timestamp_seconds",
                      "When the metrics marked (record) were last read from the database."}),
      record_read_failures(
          {"checkout_record_read_failures_total", "Reads of the metrics marked (record) that failed."}),
      build_info(
          {"checkout_build_info", "The build that runs; always 1.", {"version", "revision", "compiler"}}),
      ready({"checkout_ready", "1 when /readyz said yes when it was asked last."}),
      draining({"checkout_draining", "1 once the service was told to stop."}),
      log_lines({"checkout_log_lines_total", "Log lines at warning and error.", {"level"}}),
      spans({"checkout_spans_total", "Spans for the trace collector, by what became of them.", {"outcome"}}),
      resident_memory({"process_resident_memory_bytes", "Resident memory size in bytes."}),
      cpu_seconds({"process_cpu_seconds_total", "User and system CPU time spent in seconds."}),
      start_time(
          {"process_start_time_seconds", "Start time of the process since the Unix epoch in seconds."}),
      open_files({"process_open_fds", "Open file descriptors."}),
      max_files({"process_max_fds", "The limit of open file descriptors."}),
      threads({"process_threads", "Threads of the process."}) {
    begin_with(attempts, {"released", "refused", "dark", "fenced"});
    begin_with(payments, {"exact", "converted", "discounted", "surcharged", "over", "short", "unknown"});
    begin_with(webhooks, {"accepted", "duplicate", "bad_signature", "late", "not_understood"});
    begin_with(log_lines, {"warning", "error"});
    begin_with(spans, {"exported", "dropped", "failed"});
    for (const auto source : {"redirect", "refresh", "webhook", "sweeper", "reconcile", "operator"})
        time_to_know.begin({source});
    for (const auto operation : {"create_session", "get_session", "get_order", "list_orders", "get_refund"})
        for (const auto outcome : {"accepted", "refused", "never_sent", "unknown"})
            clink_calls.begin({operation, outcome});
    clink_circuit_open.set({}, 0);
    ready.set({}, 0);
    creates_in_flight.set({}, 0);
    http_in_flight.set({}, 0);
    feed_waiting.set({}, 0);
    draining.set({}, 0);
}

} // namespace checkout
