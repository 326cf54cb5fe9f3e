// Everything that can be configured, parsed once at start into one value that is never changed. Each setting
// is one row of the table in setting_table.cpp: its parsing, default and --help come from there. Secrets live
// in here, so a settings value is never logged.
#pragma once

#include "app/environment.h"
#include "http/api_tokens.h"
#include "http/url_check.h"
#include "observe/log.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace checkout {

/// The commands that read settings.
enum class command { serve, migrate, reconcile, export_rows };

struct database_settings {
    std::string url;      ///< secret
    std::string read_url; ///< secret; `url` when not set
    int pool_size = 0;    ///< connections, each with its thread
};

struct clink_settings {
    std::string base_url; ///< absolute, without a slash at its end; http:// only to loopback
    std::string api_key;  ///< secret, raw bytes, no control characters
    std::string ca_file;  ///< empty: the system's store alone
    std::chrono::milliseconds timeout{0};
};

struct webhook_settings {
    std::vector<std::string> signing_keys;      ///< secret; one or two; empty: the endpoint is off
    std::chrono::seconds tolerance{0};          ///< 0: no window
    std::optional<std::string> account_website; ///< as given
};

struct tls_settings {
    std::string certificate_file;
    std::string key_file;
    std::string client_ca_file; ///< empty: no mutual TLS
};

struct http_settings {
    std::string listen_address; ///< host:port
    std::string admin_listen_address;
    std::optional<tls_settings> tls; ///< of the main listener
    std::vector<api_token> tokens;
    std::string tokens_file; ///< where `tokens` were read from, to be watched; empty: from the environment
};

struct redirect_settings {
    std::optional<std::string> public_base_url; ///< without a slash at its end
    std::vector<std::string> signing_keys;      ///< secret; two at most, the first signs
    std::vector<host_rule> allowed_hosts;       ///< empty: any
};

struct sweep_settings {
    std::chrono::seconds interval{0};           ///< 0: off in this replica
    std::vector<std::chrono::seconds> schedule; ///< ascending, positive, not empty
    int max_per_second = 0;
    std::chrono::hours dark_watch{0};
};

struct load_settings {
    int rate_limit_per_second = 0; ///< per token; 0: off
    std::size_t max_in_flight = 0;
    std::size_t max_connections = 0; ///< of clients, to the main listener
    std::chrono::seconds drain_delay{0};
    std::chrono::seconds drain_timeout{0};
};

/// What of a trace's decision is not its ratio's.
struct trace_sampler {
    bool follows_parent = true;
    std::optional<double> fixed_ratio; ///< of always_on and always_off
};

/// OpenTelemetry's settings by their standard names.
struct tracing_settings {
    bool disabled = false;
    std::optional<web_url> endpoint;        ///< with the path of traces; nothing: nothing is exported
    std::optional<web_url> traces_endpoint; ///< instead
    std::vector<std::pair<std::string, std::string>> headers; ///< secret
    std::string ca_file;  ///< instead of the system's store; empty: that store
    std::string protocol; ///< as given
    std::chrono::milliseconds timeout{0};
    std::chrono::milliseconds batch_timeout{0};
    std::chrono::milliseconds delay{0};
    std::size_t queue_spans = 0;
    std::size_t batch_spans = 0;
    std::string service_name; ///< empty: of `resource`, or the program's
    std::vector<std::pair<std::string, std::string>> resource;
    trace_sampler sampler;
    double sampler_ratio = 1;
};

struct settings {
    database_settings database;
    clink_settings clink;
    webhook_settings webhook;
    http_settings http;
    redirect_settings redirect;
    sweep_settings sweep;
    load_settings load;
    tracing_settings tracing;
    log_level level = log_level::info;
};

struct setting_error {
    std::string name;    ///< the variable at fault, e.g. "CLINK_API_KEY_FILE"
    std::string message; ///< fits after the name; quotes no value
};

/// What the command needs, from `variables` and from the files that X_FILE variables name. An empty variable
/// counts as unset; one that the command does not use is not looked at and has its default. Fails with every
/// wrong setting.
boost::system::result<settings, std::vector<setting_error>> parse_settings(const environment& variables,
                                                                           command to_run);

/// The settings part of --help: each setting with its meaning, default and the commands that use it.
std::string help_text();

} // namespace checkout
