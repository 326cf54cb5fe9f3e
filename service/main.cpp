// clink-checkout: arguments and environment in, a command's exit status out.
#include "app/command_line.h"

#include <csignal>

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    return checkout::run_command(arguments, checkout::read_environment());
}
