#include "app/command_line.h"

#include "app/command_words.h"
#include "app/export.h"
#include "app/migrate.h"
#include "app/reconcile.h"
#include "app/serve.h"
#include "app/settings.h"
#include "app/version.h"

#include <iostream>
#include <stdexcept>

namespace checkout {

namespace {

constexpr const char* usage =
    "usage: clink-checkout COMMAND\n"
    "\n"
    "commands:\n"
    "  migrate   bring the database to the newest schema; may be repeated\n"
    "  serve     run the service; SIGTERM drains it\n"
    "  export REPORT --from TIME --to TIME [--format csv|ndjson]\n"
    "            write payments, sessions, refunds or events to standard output, in one snapshot\n"
    "  reconcile --from TIME --to TIME [--all] [--max-per-second N] [--format text|json]\n"
    "            ask Clink again about every session and order of the range, record what differs, and print "
    "a\n"
    "            certificate; --all walks Clink's own order list as well. A run that was stopped is taken up "
    "again\n"
    "  version   print version and build\n"
    "\n"
    "A TIME is a date (a UTC day's start), today, today-N (N days before) or an RFC 3339 instant; ranges "
    "are\n"
    "half-open.\n"
    "exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 reconciled with discrepancies that are "
    "open\n"
    "\n";

int refuse(const std::string& message) {
    std::cerr << "clink-checkout: " << message << "\n\n" << usage;
    return exit_wrong_usage;
}

int refuse(const std::vector<setting_error>& errors) {
    std::cerr << "clink-checkout: the configuration is wrong; --help documents every setting\n";
    for (const auto& error : errors)
        std::cerr << "  " << error.name << " " << error.message << "\n";
    return exit_wrong_usage;
}

/// Parses what the command needs, then runs it; a failure is one sentence and status 1.
template <class Run>
int with_settings(const environment& variables, command wanted, Run run) {
    const auto parsed = parse_settings(variables, wanted);
    if (parsed.has_error())
        return refuse(parsed.error());
    set_log_level(parsed->level);
    try {
        return run(*parsed);
    } catch (const std::exception& error) {
        std::cerr << "clink-checkout: " << error.what() << "\n";
        return exit_failed;
    }
}

/// Runs each command.
struct runner {
    const environment& variables;

    int operator()(const help_words&) const {
        std::cout << usage << help_text();
        return exit_done;
    }
    int operator()(const version_words&) const {
        std::cout << version_text() << "\n";
        return exit_done;
    }
    int operator()(const migrate_words&) const {
        return with_settings(variables, command::migrate, run_migrate);
    }
    int operator()(const serve_words&) const { return with_settings(variables, command::serve, run_serve); }
    int operator()(const export_words& words) const {
        return with_settings(variables, command::export_rows,
                             [&](const settings& with) { return run_export(with, words); });
    }
    int operator()(const reconcile_words& words) const {
        return with_settings(variables, command::reconcile,
                             [&](const settings& with) { return run_reconcile(with, words); });
    }
};

} // namespace

int run_command(const std::vector<std::string>& arguments, const environment& variables) {
    std::string message;
    const auto words = read_arguments(arguments, message);
    return words ? std::visit(runner{variables}, *words) : refuse(message);
}

} // namespace checkout
