#include "app/setting_table.h"

#include "app/otel_values.h"

#include <cstddef>
#include <utility>

namespace checkout {

namespace {

constexpr command_set all{command::serve, command::migrate, command::reconcile, command::export_rows};
constexpr command_set readers{command::serve, command::reconcile, command::export_rows};
constexpr command_set askers{command::serve, command::reconcile}; ///< those that ask Clink
constexpr command_set serve{command::serve};

constexpr std::size_t least_redirect_key_bytes = 32;

using value = const setting_value&;

/// A number for a place of another type, such as a duration.
template <class Place>
setting_fault store_number(value v, int least, int most, Place& out) {
    int number = 0;
    auto fault = read_number(v.text, least, most, number);
    out = Place(number);
    return fault;
}

setting_fault store_tokens(value v, http_settings& into) {
    auto tokens = parse_api_tokens(v.text);
    if (tokens) {
        into.tokens = std::move(*tokens);
        into.tokens_file = v.file;
        return std::nullopt;
    }
    std::string message = "is wrong:";
    for (const auto& problem : tokens.error().problems)
        message += (message.ends_with(':') ? " " : "; ") + problem;
    return message;
}

tls_settings& tls_of(settings& s) {
    return s.http.tls ? *s.http.tls : s.http.tls.emplace();
}

constexpr setting_row rows[] = {
    {.name = "DATABASE_URL",
     .meaning = "libpq URI or keyword string; several hosts with target_session_attrs=read-write work.",
     .used_by = all,
     .required = true,
     .secret = true,
     .apply = [](value v, settings& s) { return read_database_url(v.text, s.database.url); }},
    {.name = "DATABASE_READ_URL",
     .meaning = "The database for reconciliation's reads, e.g. a hot standby.",
     .unset_means = "DATABASE_URL",
     .used_by = readers,
     .secret = true,
     .apply = [](value v, settings& s) { return read_database_url(v.text, s.database.read_url); }},
    {.name = "DATABASE_POOL_SIZE",
     .meaning = "Connections to the database, 1 to 256.",
     .default_text = "16",
     .used_by = askers,
     .apply = [](value v, settings& s) { return store_number(v, 1, 256, s.database.pool_size); }},
    {.name = "CLINK_API_BASE_URL",
     .meaning = "Clink's API, e.g. https://uat-api.clinkbill.com/api; plain http:// to loopback only.",
     .used_by = askers,
     .required = true,
     .apply = [](value v, settings& s) { return read_private_base_url(v.text, s.clink.base_url); }},
    {.name = "CLINK_API_KEY",
     .meaning = "Clink's secret key.",
     .used_by = askers,
     .required = true,
     .secret = true,
     .apply = [](value v, settings& s) { return read_header_secret(v.text, s.clink.api_key); }},
    {.name = "CLINK_WEBHOOK_SIGNING_KEY",
     .meaning = "One or two of Clink's webhook secrets, comma separated.",
     .unset_means = "the webhook endpoint is off",
     .used_by = serve,
     .secret = true,
     .apply = [](value v, settings& s) { return read_keys(v.text, 1, s.webhook.signing_keys); }},
    {.name = "CLINK_WEBHOOK_TOLERANCE_SECONDS",
     .meaning = "How far off a webhook's timestamp may be, 0 to 604800; 0 turns the window off.",
     .default_text = "300",
     .used_by = serve,
     .apply = [](value v, settings& s) { return store_number(v, 0, 604'800, s.webhook.tolerance); }},
    {.name = "WEBHOOK_ACCOUNT_WEBSITE",
     .meaning = "The merchant's site, for the answer to order.succeeded.",
     .unset_means = "that answer has no body",
     .used_by = serve,
     .apply = [](value v, settings& s) { return read_website(v.text, s.webhook.account_website.emplace()); }},
    {.name = "CLINK_TIMEOUT_MS",
     .meaning = "The longest that a whole exchange with Clink may take, 50 to 120000.",
     .default_text = "10000",
     .used_by = askers,
     .apply = [](value v, settings& s) { return store_number(v, 50, 120'000, s.clink.timeout); }},
    {.name = "CLINK_CA_FILE",
     .meaning = "Extra trust anchor for Clink's API, PEM.",
     .unset_means = "the system's store alone",
     .used_by = askers,
     .apply = [](value v, settings& s) { return read_authorities_name(v.text, s.clink.ca_file); }},
    {.name = "LISTEN_ADDRESS",
     .meaning = "Main listener, host:port; port 0 takes a free one.",
     .default_text = "0.0.0.0:8080",
     .used_by = serve,
     .apply = [](value v, settings& s) { return read_listen_address(v.text, s.http.listen_address); }},
    {.name = "ADMIN_LISTEN_ADDRESS",
     .meaning = "Admin listener, host:port; not for an ingress.",
     .default_text = "0.0.0.0:9090",
     .used_by = serve,
     .apply = [](value v, settings& s) { return read_listen_address(v.text, s.http.admin_listen_address); }},
    {.name = "API_TOKENS",
     .meaning = "Who may call: name:scope+scope:sha256hex, comma separated; in the file one a line, and the "
                "file is\n"
                "read again when it changes. Scopes: storefront, finance, operator.",
     .used_by = serve,
     .required = true,
     .secret = true,
     .apply = [](value v, settings& s) { return store_tokens(v, s.http); }},
    {.name = "TLS_CERT_FILE",
     .meaning = "Certificate chain of the main listener, PEM; with TLS_KEY_FILE.",
     .unset_means = "no TLS",
     .used_by = serve,
     .apply = [](value v, settings& s) { return read_file_name(v.text, tls_of(s).certificate_file); }},
    {.name = "TLS_KEY_FILE",
     .meaning = "The certificate's key, PEM; with TLS_CERT_FILE.",
     .unset_means = "no TLS",
     .used_by = serve,
     .apply = [](value v, settings& s) { return read_file_name(v.text, tls_of(s).key_file); }},
    {.name = "TLS_CLIENT_CA_FILE",
     .meaning = "Authority of the client certificates that /v1/ requires, PEM; with TLS_CERT_FILE.",
     .unset_means = "no mutual TLS",
     .used_by = serve,
     .apply = [](value v, settings& s) { return read_file_name(v.text, tls_of(s).client_ca_file); }},
    {.name = "PUBLIC_BASE_URL",
     .meaning = "Where customers reach /checkout/; Clink's redirects then come through this service.",
     .unset_means = "Clink is given the storefront's own URLs",
     .used_by = serve,
     .apply = [](value v,
                 settings& s) { return read_base_url(v.text, s.redirect.public_base_url.emplace()); }},
    {.name = "REDIRECT_SIGNING_KEY",
     .meaning = "One or two strings of 32 bytes or more, comma separated: the first signs, both verify.",
     .unset_means = "none; required with PUBLIC_BASE_URL",
     .used_by = serve,
     .secret = true,
     .apply =
         [](value v, settings& s) {
             return read_keys(v.text, least_redirect_key_bytes, s.redirect.signing_keys);
         }},
    {.name = "REDIRECT_ALLOWED_HOSTS",
     .meaning = "Hosts that successUrl, cancelUrl and returnUrl may have, comma separated; host:port means "
                "that port\n"
                "only.",
     .unset_means = "any host",
     .used_by = serve,
     .apply = [](value v, settings& s) { return read_host_rules(v.text, s.redirect.allowed_hosts); }},
    {.name = "SWEEP_INTERVAL_SECONDS",
     .meaning =
         "How often the sweeper looks for what is due (sessions, attempts, refunds, webhooks that were\n"
         "not handled at once), 0 to 3600; 0 turns it off in this replica.",
     .default_text = "1",
     .used_by = serve,
     .apply = [](value v, settings& s) { return store_number(v, 0, 3600, s.sweep.interval); }},
    {.name = "SWEEP_SCHEDULE_SECONDS",
     .meaning =
         "Seconds from a session's release at which Clink is asked about it, ascending; then every (last).",
     .default_text = "5,15,30,60,120,300",
     .used_by = askers,
     .apply = [](value v, settings& s) { return read_schedule(v.text, s.sweep.schedule); }},
    {.name = "SWEEP_MAX_PER_SECOND",
     .meaning = "Budget of the sweeper's questions to Clink in this replica, or of reconcile's, 1 to 100000.",
     .default_text = "200",
     .used_by = askers,
     .apply = [](value v, settings& s) { return store_number(v, 1, 100'000, s.sweep.max_per_second); }},
    {.name = "DARK_WATCH_HOURS",
     .meaning = "How long dark and refused attempts are looked for, 1 to 8760.",
     .default_text = "72",
     .used_by = askers,
     .apply = [](value v, settings& s) { return store_number(v, 1, 8760, s.sweep.dark_watch); }},
    {.name = "RATE_LIMIT_PER_SECOND",
     .meaning = "Requests with one token, 0 to 1000000; 0 is off.",
     .default_text = "0",
     .used_by = serve,
     .apply = [](value v,
                 settings& s) { return store_number(v, 0, 1'000'000, s.load.rate_limit_per_second); }},
    {.name = "MAX_IN_FLIGHT",
     .meaning = "Requests being worked on at once, 1 to 65536.",
     .default_text = "1024",
     .used_by = serve,
     .apply = [](value v, settings& s) { return store_number(v, 1, 65'536, s.load.max_in_flight); }},
    {.name = "MAX_CONNECTIONS",
     .meaning =
         "Connections of clients to the main listener, 1 to 1000000, or as many as the limit of open files\n"
         "has room for.",
     .default_text = "16384",
     .used_by = serve,
     .apply = [](value v, settings& s) { return store_number(v, 1, 1'000'000, s.load.max_connections); }},
    {.name = "DRAIN_DELAY_SECONDS",
     .meaning = "After SIGTERM: unready, but still accepting, 0 to 600.",
     .default_text = "0",
     .used_by = serve,
     .apply = [](value v, settings& s) { return store_number(v, 0, 600, s.load.drain_delay); }},
    {.name = "DRAIN_TIMEOUT_SECONDS",
     .meaning = "Then: the longest that requests in flight are waited for, 0 to 3600; 5 s later at most the\n"
                "process has ended.",
     .default_text = "25",
     .used_by = serve,
     .apply = [](value v, settings& s) { return store_number(v, 0, 3600, s.load.drain_timeout); }},
    {.name = "LOG_LEVEL",
     .meaning = "debug, info, warning or error.",
     .default_text = "info",
     .used_by = all,
     .apply = [](value v, settings& s) { return read_log_level(v.text, s.level); }},
    {.name = "OTEL_EXPORTER_OTLP_ENDPOINT",
     .meaning =
         "The OpenTelemetry collector that spans are sent to (OTLP/HTTP, JSON), e.g. http://collector:4318;\n"
         "/v1/traces is added to its path.",
     .unset_means = "no span is exported",
     .used_by = readers,
     .apply = [](value v, settings& s) { return read_otlp_base(v.text, s.tracing.endpoint.emplace()); }},
    {.name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
     .meaning = "The same as the whole URL, instead.",
     .unset_means = "OTEL_EXPORTER_OTLP_ENDPOINT",
     .used_by = readers,
     .apply = [](value v,
                 settings& s) { return read_otlp_endpoint(v.text, s.tracing.traces_endpoint.emplace()); }},
    {.name = "OTEL_EXPORTER_OTLP_HEADERS",
     .meaning = "Headers for the collector: name=value, comma separated, values percent-encoded.",
     .unset_means = "none",
     .used_by = readers,
     .secret = true,
     .apply = [](value v, settings& s) { return read_otlp_headers(v.text, s.tracing.headers); }},
    {.name = "OTEL_EXPORTER_OTLP_CERTIFICATE",
     .meaning = "Trust anchors for the collector's certificate, PEM, instead of the system's store.",
     .unset_means = "the system's store",
     .used_by = readers,
     .apply = [](value v, settings& s) { return read_authorities_name(v.text, s.tracing.ca_file); }},
    {.name = "OTEL_EXPORTER_OTLP_PROTOCOL",
     .meaning = "http/json is what is spoken; another value is warned of at the start.",
     .default_text = "http/json",
     .used_by = readers,
     .apply = [](value v, settings& s) { return read_utf8(v.text, s.tracing.protocol); }},
    {.name = "OTEL_EXPORTER_OTLP_TIMEOUT",
     .meaning = "The longest that the export of a batch may take, in ms, tries included, 1 to 600000.",
     .default_text = "10000",
     .used_by = readers,
     .apply = [](value v, settings& s) { return store_number(v, 1, 600'000, s.tracing.timeout); }},
    {.name = "OTEL_SERVICE_NAME",
     .meaning = "The resource attribute service.name.",
     .unset_means = "that of OTEL_RESOURCE_ATTRIBUTES, or clink-checkout",
     .used_by = readers,
     .apply = [](value v, settings& s) { return read_utf8(v.text, s.tracing.service_name); }},
    {.name = "OTEL_RESOURCE_ATTRIBUTES",
     .meaning = "Attributes of every span: key=value, comma separated, values percent-encoded.",
     .unset_means = "none",
     .used_by = readers,
     .apply = [](value v, settings& s) { return read_resource_attributes(v.text, s.tracing.resource); }},
    {.name = "OTEL_TRACES_SAMPLER",
     .meaning = "Which traces are recorded: always_on, always_off, traceidratio, or parentbased_ before one "
                "of them,\n"
                "which is then asked only about traces that begin here.",
     .default_text = "parentbased_always_on",
     .used_by = readers,
     .apply = [](value v, settings& s) { return read_sampler(v.text, s.tracing.sampler); }},
    {.name = "OTEL_TRACES_SAMPLER_ARG",
     .meaning = "The ratio of traceidratio, 0 to 1.",
     .default_text = "1.0",
     .used_by = readers,
     .apply = [](value v, settings& s) { return read_ratio(v.text, s.tracing.sampler_ratio); }},
    {.name = "OTEL_SDK_DISABLED",
     .meaning = "true: no span is exported.",
     .default_text = "false",
     .used_by = readers,
     .apply = [](value v, settings& s) { return read_switch(v.text, s.tracing.disabled); }},
    {.name = "OTEL_BSP_SCHEDULE_DELAY",
     .meaning = "How long a span waits for a batch to be whole, in ms, 1 to 600000.",
     .default_text = "5000",
     .used_by = readers,
     .apply = [](value v, settings& s) { return store_number(v, 1, 600'000, s.tracing.delay); }},
    {.name = "OTEL_BSP_EXPORT_TIMEOUT",
     .meaning = "As OTEL_EXPORTER_OTLP_TIMEOUT; the shorter one counts.",
     .default_text = "30000",
     .used_by = readers,
     .apply = [](value v, settings& s) { return store_number(v, 1, 600'000, s.tracing.batch_timeout); }},
    {.name = "OTEL_BSP_MAX_QUEUE_SIZE",
     .meaning = "Spans that wait to be exported, 1 to 1000000; past it they are dropped.",
     .default_text = "2048",
     .used_by = readers,
     .apply = [](value v, settings& s) { return store_number(v, 1, 1'000'000, s.tracing.queue_spans); }},
    {.name = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
     .meaning = "Spans of one request to the collector, 1 to 10000.",
     .default_text = "512",
     .used_by = readers,
     .apply = [](value v, settings& s) { return store_number(v, 1, 10'000, s.tracing.batch_spans); }},
};

} // namespace

std::span<const setting_row> setting_table() {
    return rows;
}

} // namespace checkout
