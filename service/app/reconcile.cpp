#include "app/reconcile.h"

#include "app/command_line.h"
#include "app/last_resort.h"
#include "app/part_options.h"
#include "app/progress.h"
#include "app/tracing.h"
#include "finance/census.h"
#include "finance/certificate.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <csignal>
#include <exception>
#include <iostream>

namespace checkout {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds stop_time{8}; ///< for the last writes; then without them
constexpr int most_connections = 8; ///< to the database: a census asks Clink, and mostly waits for it

database_options make_census_database(const database_settings& with) {
    auto options = make_database_options(with);
    options.connections = static_cast<std::size_t>(std::min(with.pool_size, most_connections));
    options.limits.connect = std::chrono::seconds(10);
    options.limits.statement = std::chrono::minutes(10); // of the one that lists the orders
    return options;
}

/// The command, each part built from those above it.
class reconciliation {
public:
    reconciliation(const settings& with, const reconcile_words& words, last_resort& end)
        : end_(end),
          tracing_(with.tracing),
          io_(1),
          db_(make_census_database(with.database)),
          orders_(db_),
          settlements_(db_),
          discrepancies_(db_),
          sweeps_(db_),
          refunds_(db_),
          censuses_(db_),
          clink_(io_, make_clink_options(with.clink, tracing_.begins())),
          questions_(clink_),
          door_(settlements_, make_check_policy(with.sweep)),
          settler_(io_.get_executor(), orders_, door_, questions_),
          search_(orders_, sweeps_, discrepancies_, door_, questions_),
          refund_settler_(orders_, refunds_, door_, settler_, questions_, clink_),
          shown_("reconcile"),
          census_(io_.get_executor(),
                  {.censuses = censuses_,
                   .orders = orders_,
                   .sessions = settler_,
                   .search = search_,
                   .refunds = refund_settler_,
                   .questions = questions_},
                  {.max_per_second = words.max_per_second.value_or(with.sweep.max_per_second),
                   .lease = make_lease(with.clink),
                   .tracing = tracing_.begins(),
                   .show = [this](const std::string& how_far) { shown_.show(how_far); }}) {}

    std::string run(census_scope scope) {
        std::string certificate;
        std::exception_ptr failure;
        asio::co_spawn(io_, census_.run(scope), [&](std::exception_ptr error, std::string made) {
            failure = error;
            certificate = std::move(made);
            clink_.close();
            io_.stop();
        });
        signals_.async_wait([this](boost::system::error_code error, int) {
            if (!error)
                stop();
        });
        io_.run();
        shown_.end();
        if (failure)
            std::rethrow_exception(failure);
        return certificate;
    }

private:
    /// What Clink was asked in vain is given back, so that the next run need not wait for the claims of this
    /// one.
    void stop() {
        write_log(log_level::info, "census_stopping");
        end_.end_by(last_resort::clock::now() + stop_time);
        census_.stop();
        clink_.abandon();
    }

    last_resort& end_;
    tracing tracing_;
    asio::io_context io_;
    database db_;
    order_store orders_;
    settlement_store settlements_;
    discrepancy_store discrepancies_;
    sweep_store sweeps_;
    refund_store refunds_;
    census_store censuses_;
    clink_client clink_;
    clink_questions questions_;
    settle_door door_;
    session_settler settler_;
    attempt_search search_;
    refund_settler refund_settler_;
    progress shown_;
    census census_;
    asio::signal_set signals_{io_, SIGTERM, SIGINT};
};

} // namespace

int run_reconcile(const settings& with, const reconcile_words& words) {
    if (progress::on_terminal()) // there the line of progress says enough
        set_log_level(std::max(with.level, log_level::warning));
    last_resort end(exit_failed);
    reconciliation command(with, words, end);
    const auto certificate =
        command.run({.from = words.range.from, .to = words.range.to, .whole_list = words.whole_list});
    std::cout << (words.format == certificate_format::json ? certificate + "\n"
                                                           : describe_certificate(certificate))
              << std::flush;
    return is_clean(certificate) ? exit_done : exit_discrepancies;
}

} // namespace checkout
