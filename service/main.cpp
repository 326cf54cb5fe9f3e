// clink-checkout: arguments and environment in, a command's exit status out.
#include "app/command_line.h"

#include <sys/resource.h>

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

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    raise_file_limit();
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return checkout::run_command(arguments, checkout::read_environment());
}
