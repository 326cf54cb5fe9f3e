#include "app/serve.h"

#include "app/admin.h"
#include "app/command_line.h"
#include "app/embedded.h"
#include "app/migrate.h"
#include "app/version.h"
#include "http/api.h"
#include "observe/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <memory>

namespace checkout {

namespace asio = boost::asio;

namespace {

clink_options make_clink_options(const clink_settings& with) {
    clink_options options;
    options.base_url = with.base_url;
    options.api_key = with.api_key;
    options.ca_file = with.ca_file;
    options.version = version_number();
    options.timeout = with.timeout;
    return options;
}

database_options make_database_options(const database_settings& with) {
    database_options options;
    options.url = with.url;
    options.connections = static_cast<std::size_t>(with.pool_size);
    return options;
}

server_options make_main_listener(const http_settings& with) {
    server_options options;
    options.address = with.listen_address;
    if (with.tls)
        options.tls = server_tls{with.tls->certificate_file, with.tls->key_file, with.tls->client_ca_file};
    return options;
}

server_options make_admin_listener(const http_settings& with) {
    server_options options;
    options.address = with.admin_listen_address;
    return options;
}

token_registry make_tokens(const http_settings& with) {
    return with.tokens_file.empty() ? token_registry(with.tokens) : token_registry(with.tokens_file);
}

std::unique_ptr<redirect_signer> make_signer(const redirect_settings& with) {
    return with.public_base_url ? std::make_unique<redirect_signer>(with.signing_keys) : nullptr;
}

api_options make_api_options(const settings& with) {
    api_options options;
    options.max_in_flight = with.load.max_in_flight;
    options.rate_limit_per_second = with.load.rate_limit_per_second;
    options.needs_client_certificate = with.http.tls && !with.http.tls->client_ca_file.empty();
    return options;
}

/// The whole service, each part built from those above it.
class service {
public:
    explicit service(const settings& with)
        : load_(with.load),
          io_(1),
          db_(make_database_options(with.database)),
          orders_(db_),
          attempts_(db_),
          settlements_(db_),
          discrepancies_(db_),
          reports_(db_),
          clink_(io_, make_clink_options(with.clink)),
          signer_(make_signer(with.redirect)),
          tokens_(make_tokens(with.http)),
          settler_(io_.get_executor(), orders_, settlements_, clink_),
          creator_(io_.get_executor(), orders_, attempts_, settler_, clink_, signer_.get(),
                   {.clink_timeout = with.clink.timeout, .public_base_url = with.redirect.public_base_url}),
          desk_(orders_, settlements_),
          services_{.creator = creator_,
                    .settler = settler_,
                    .desk = desk_,
                    .orders = orders_,
                    .discrepancies = discrepancies_,
                    .reports = reports_,
                    .settlements = settlements_,
                    .signer = signer_.get(),
                    .create_policy = {.allowed_redirect_hosts = with.redirect.allowed_hosts},
                    .openapi = embedded_openapi().front().text},
          api_(services_, tokens_, make_api_options(with)),
          admin_(db_, own_schema_version()),
          main_listener_(io_, make_main_listener(with.http), api_.callbacks()),
          admin_listener_(io_, make_admin_listener(with.http), admin_.callbacks()),
          signals_(io_, SIGTERM, SIGINT) {}

    int run() {
        main_listener_.start();
        admin_listener_.start();
        write_log(log_level::info, "service_started",
                  {{"version", version_number()},
                   {"port", static_cast<std::int64_t>(main_listener_.port())},
                   {"admin_port", static_cast<std::int64_t>(admin_listener_.port())}});
        asio::co_spawn(io_, wait_and_drain(), [](std::exception_ptr error) {
            if (error)
                std::rethrow_exception(error);
        });
        io_.run();
        write_log(log_level::info, "service_stopped");
        return exit_done;
    }

private:
    /// Unready first, then no keep-alive, then what is in flight; the admin listener answers until the end.
    asio::awaitable<void> wait_and_drain() {
        co_await signals_.async_wait(asio::use_awaitable);
        write_log(log_level::info, "drain_started",
                  {{"in_flight", static_cast<std::int64_t>(api_.in_flight())}});
        admin_.announce_drain();
        main_listener_.announce_close();
        asio::steady_timer delay(io_, load_.drain_delay);
        co_await delay.async_wait(asio::use_awaitable);
        const auto deadline = std::chrono::steady_clock::now() + load_.drain_timeout;
        co_await main_listener_.drain(deadline);
        write_log(log_level::info, "drain_finished",
                  {{"in_flight", static_cast<std::int64_t>(api_.in_flight())}});
        co_await admin_listener_.drain(std::chrono::steady_clock::now());
        clink_.close();
        io_.stop();
    }

    const load_settings load_;
    asio::io_context io_;
    database db_;
    order_store orders_;
    attempt_store attempts_;
    settlement_store settlements_;
    discrepancy_store discrepancies_;
    report_store reports_;
    clink_client clink_;
    std::unique_ptr<redirect_signer> signer_;
    token_registry tokens_;
    session_settler settler_;
    checkout_creator creator_;
    order_desk desk_;
    services services_;
    api api_;
    admin admin_;
    http_server main_listener_;
    http_server admin_listener_;
    asio::signal_set signals_;
};

} // namespace

int run_serve(const settings& with) {
    return service(with).run();
}

} // namespace checkout
