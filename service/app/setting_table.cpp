#include "app/setting_table.h"

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
     .apply = [](value v, settings& s) { return read_file_name(v.text, s.clink.ca_file); }},
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
};

} // namespace

std::span<const setting_row> setting_table() {
    return rows;
}

} // namespace checkout
