#include "app/command_line.h"

#include "app/migrate.h"
#include "app/serve.h"
#include "app/settings.h"
#include "app/version.h"

#include <boost/program_options.hpp>

#include <iostream>
#include <optional>
#include <stdexcept>

namespace checkout {

namespace {

namespace options = boost::program_options;

constexpr const char* usage = "usage: clink-checkout COMMAND\n"
                              "\n"
                              "commands:\n"
                              "  migrate   bring the database to the newest schema; may be repeated\n"
                              "  serve     run the service; SIGTERM drains it\n"
                              "  version   print version and build\n"
                              "\n"
                              "exit status: 0 done, 1 failed, 2 wrong usage or configuration\n"
                              "\n";

struct invocation {
    bool help = false;
    std::string command;
};

/// Nothing when the words make no sense; then `message` says why.
std::optional<invocation> read_arguments(const std::vector<std::string>& arguments, std::string& message) {
    options::options_description known;
    known.add_options()("help,h", "")("command", options::value<std::vector<std::string>>());
    options::positional_options_description positions;
    positions.add("command", -1);
    try {
        options::variables_map words;
        options::store(options::command_line_parser(arguments).options(known).positional(positions).run(),
                       words);
        invocation asked{.help = words.count("help") > 0, .command = {}};
        if (words.count("command") > 0) {
            const auto& commands = words["command"].as<std::vector<std::string>>();
            asked.command = commands.front();
            if (commands.size() > 1)
                throw options::error("too many arguments: " + commands[1]);
        }
        return asked;
    } catch (const options::error& error) {
        message = error.what();
        return std::nullopt;
    }
}

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

} // namespace

int run_command(const std::vector<std::string>& arguments, const environment& variables) {
    std::string message;
    const auto asked = read_arguments(arguments, message);
    if (!asked)
        return refuse(message);
    if (asked->help) {
        std::cout << usage << help_text();
        return exit_done;
    }
    if (asked->command == "version") {
        std::cout << version_text() << "\n";
        return exit_done;
    }
    if (asked->command == "migrate")
        return with_settings(variables, command::migrate, run_migrate);
    if (asked->command == "serve")
        return with_settings(variables, command::serve, run_serve);
    return refuse(asked->command.empty() ? "no command given" : "unknown command: " + asked->command);
}

} // namespace checkout
