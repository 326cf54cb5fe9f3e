// clink-checkout: arguments and environment in, a command's exit status out.
#include "app/command_line.h"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>

namespace {

/// As many connections as the hard limit lets us have: the usual soft one of 1024 is for select(2).
void raise_file_limit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
}

/// As the first process of a container it would not be ended by a signal that it leaves to the system.
/// Commands that have something to finish take over.
void end_on_signals() {
    for (const int number : {SIGTERM, SIGINT})
        std::signal(number, [](int) { ::_exit(checkout::exit_failed); });
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    end_on_signals();
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return checkout::run_command(arguments, checkout::read_environment());
}
