#include "app/serve.h"

#include "app/admin.h"
#include "app/capacity.h"
#include "app/command_line.h"
#include "app/drain.h"
#include "app/embedded.h"
#include "app/last_resort.h"
#include "app/migrate.h"
#include "app/part_options.h"
#include "app/tracing.h"
#include "app/version.h"
#include "checkout/record_watch.h"
#include "checkout/sweeper.h"
#include "http/api.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "storage/attempt_listener.h"
#include "storage/vitals_store.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <chrono>
#include <memory>

namespace checkout {

namespace asio = boost::asio;

namespace {

/// Finance's reads: few, longer, and apart from the storefronts'.
database_options make_finance_options(const database_settings& with) {
    database_options options;
    options.url = with.read_url;
    options.pool = "finance";
    options.connections = finance_connections;
    options.queue_length = 256;
    options.queue_time = std::chrono::seconds(20);
    options.limits.statement = std::chrono::seconds(60);
    return options;
}

/// Readiness: answers at once or says no.
database_options make_probe_options(const database_settings& with) {
    database_options options;
    options.pool = "probe";
    options.url = with.url;
    options.connections = 1;
    options.queue_length = 64;
    options.queue_time = std::chrono::seconds(2);
    options.limits = {.connect = std::chrono::seconds(2),
                      .statement = std::chrono::seconds(1),
                      .lock = std::chrono::milliseconds(500)};
    return options;
}

server_options make_main_listener(const settings& with) {
    server_options options;
    options.name = "main";
    options.address = with.http.listen_address;
    options.limits.connections = fit_connections(with);
    if (const auto& tls = with.http.tls)
        options.tls = server_tls{tls->certificate_file, tls->key_file, tls->client_ca_file};
    return options;
}

server_options make_admin_listener(const http_settings& with) {
    server_options options;
    options.name = "admin";
    options.address = with.admin_listen_address;
    options.limits.connections = admin_connections;
    return options;
}

token_registry make_tokens(const http_settings& with) {
    return with.tokens_file.empty() ? token_registry(with.tokens) : token_registry(with.tokens_file);
}

std::unique_ptr<redirect_signer> make_signer(const redirect_settings& with) {
    return with.public_base_url ? std::make_unique<redirect_signer>(with.signing_keys) : nullptr;
}

webhook_options make_webhook_options(const settings& with, tracer tracing) {
    return {.signing_keys = with.webhook.signing_keys,
            .tolerance = with.webhook.tolerance,
            .account_website = with.webhook.account_website,
            .lease = make_lease(with.clink),
            .tracing = tracing};
}

sweeper_options make_sweeper_options(const settings& with, tracer tracing) {
    return {.interval = with.sweep.interval,
            .max_per_second = with.sweep.max_per_second,
            .lease = make_lease(with.clink),
            .tracing = tracing};
}

api_options make_api_options(const settings& with, const database& db, tracer tracing) {
    api_options options;
    options.expected_wait = [&db] { return db.expected_wait(); };
    options.max_in_flight = with.load.max_in_flight;
    options.rate_limit_per_second = with.load.rate_limit_per_second;
    options.needs_client_certificate = with.http.tls && !with.http.tls->client_ca_file.empty();
    options.tracing = tracing;
    return options;
}

/// The whole service, each part built from those above it.
class service {
public:
    service(const settings& with, last_resort& end)
        : sweeps_here_(with.sweep.interval.count() > 0),
          tracing_(with.tracing),
          io_(1),
          db_(make_database_options(with.database)),
          finance_db_(make_finance_options(with.database)),
          probe_db_(make_probe_options(with.database)),
          orders_(db_),
          attempts_(db_, with.sweep.schedule.front()),
          settlements_(db_),
          discrepancies_(db_),
          listed_discrepancies_(finance_db_),
          reports_(finance_db_),
          feed_store_(db_),
          sequencer_(io_.get_executor(), feed_store_),
          feed_(reports_, sequencer_, most_waiting_readers(with)),
          exports_(io_.get_executor(), with.database.read_url),
          sweeps_(db_),
          refunds_(db_),
          inbox_(db_),
          clink_(io_, make_clink_options(with.clink, tracing_.begins())),
          signer_(make_signer(with.redirect)),
          tokens_(make_tokens(with.http)),
          questions_(clink_),
          door_(settlements_, make_check_policy(with.sweep)),
          settler_(io_.get_executor(), orders_, door_, questions_),
          search_(orders_, sweeps_, discrepancies_, door_, questions_),
          refund_settler_(orders_, refunds_, door_, settler_, questions_, clink_),
          webhooks_(io_.get_executor(), orders_, inbox_, refunds_, settler_, search_, refund_settler_,
                    make_check_policy(with.sweep), make_webhook_options(with, tracing_.begins())),
          creator_(io_.get_executor(), orders_, attempts_, settler_, clink_, signer_.get(),
                   {.clink_timeout = with.clink.timeout, .public_base_url = with.redirect.public_base_url}),
          desk_(orders_, settlements_),
          sweeper_(io_.get_executor(),
                   {.sweeps = sweeps_,
                    .attempts = attempts_,
                    .orders = orders_,
                    .refunds = refunds_,
                    .inbox = inbox_,
                    .sessions = settler_,
                    .search = search_,
                    .refund_questions = refund_settler_,
                    .webhooks = webhooks_},
                   make_check_policy(with.sweep), make_sweeper_options(with, tracing_.begins())),
          vitals_(db_),
          finance_vitals_(finance_db_),
          record_watch_(io_.get_executor(), vitals_, finance_vitals_),
          listener_(
              with.database.url, {},
              [this](order_key order) { asio::post(io_, [this, order] { creator_.hear_of_end(order); }); }),
          services_{.creator = creator_,
                    .settler = settler_,
                    .desk = desk_,
                    .webhooks = webhooks_,
                    .orders = orders_,
                    .discrepancies = discrepancies_,
                    .listed_discrepancies = listed_discrepancies_,
                    .reports = reports_,
                    .exports = exports_,
                    .feed = feed_,
                    .settlements = settlements_,
                    .signer = signer_.get(),
                    .create_policy = {.allowed_redirect_hosts = with.redirect.allowed_hosts},
                    .openapi = embedded_openapi().front().text},
          api_(services_, tokens_, make_api_options(with, db_, tracing_.begins())),
          admin_(probe_db_, own_schema_version()),
          main_listener_(io_, make_main_listener(with), api_.callbacks()),
          admin_listener_(io_, make_admin_listener(with.http), admin_.callbacks()),
          drain_(io_,
                 {.api = api_,
                  .admin = admin_,
                  .main_listener = main_listener_,
                  .admin_listener = admin_listener_,
                  .creator = creator_,
                  .webhooks = webhooks_,
                  .sweeper = sweeper_,
                  .sequencer = sequencer_,
                  .record_watch = record_watch_,
                  .clink = clink_},
                 with.load, end) {}

    int run() {
        metrics().build_info.set({version_number(), revision(), compiler()}, 1);
        main_listener_.start();
        admin_listener_.start();
        write_log(log_level::info, "service_started",
                  {{"version", version_number()},
                   {"port", static_cast<std::int64_t>(main_listener_.port())},
                   {"admin_port", static_cast<std::int64_t>(admin_listener_.port())}});
        const auto fail = [](std::exception_ptr error) {
            if (error)
                std::rethrow_exception(error);
        };
        asio::co_spawn(io_, drain_.run(), fail);
        if (sweeps_here_)
            asio::co_spawn(io_, sweeper_.run(), fail);
        asio::co_spawn(io_, sequencer_.run(), fail);
        asio::co_spawn(io_, record_watch_.run(), fail);
        asio::co_spawn(io_, record_watch_.run_finance(), fail);
        io_.run();
        tracing_.close();
        write_log(log_level::info, "service_stopped");
        return exit_done;
    }

private:
    const bool sweeps_here_;
    tracing tracing_;
    asio::io_context io_;
    database db_;
    database finance_db_;
    database probe_db_;
    order_store orders_;
    attempt_store attempts_;
    settlement_store settlements_;
    discrepancy_store discrepancies_;
    discrepancy_store listed_discrepancies_;
    report_store reports_;
    feed_store feed_store_;
    feed_sequencer sequencer_;
    feed_reader feed_;
    export_desk exports_;
    sweep_store sweeps_;
    refund_store refunds_;
    webhook_store inbox_;
    clink_client clink_;
    std::unique_ptr<redirect_signer> signer_;
    token_registry tokens_;
    clink_questions questions_;
    settle_door door_;
    session_settler settler_;
    attempt_search search_;
    refund_settler refund_settler_;
    webhook_desk webhooks_;
    checkout_creator creator_;
    order_desk desk_;
    sweeper sweeper_;
    vitals_store vitals_;
    vitals_store finance_vitals_;
    record_watch record_watch_;
    attempt_listener listener_;
    services services_;
    api api_;
    admin admin_;
    http_server main_listener_;
    http_server admin_listener_;
    drain drain_;
};

} // namespace

int run_serve(const settings& with) {
    last_resort end(exit_done);
    return service(with, end).run();
}

} // namespace checkout
