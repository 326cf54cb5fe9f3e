// clink-twin: Clink's merchant API, its checkout page and its webhooks, to be met over a socket by a service
// that must not know the difference. The process: options in, one line out, an orderly end.
#include "options.h"
#include "twin.h"

#include "observe/log.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <stdexcept>

namespace {

void announce(const clink_twin::twin& started, const std::string& port_file) {
    checkout::write_log(checkout::log_level::info, "listening",
                        {{"address", started.address()}, {"public_url", started.public_url()}});
    if (port_file.empty())
        return;
    // Renamed into place, so that whoever waits for the file never reads half of it.
    auto part = port_file + ".part";
    std::ofstream(part) << started.address() << '\n';
    if (std::rename(part.c_str(), port_file.c_str()) != 0)
        throw std::runtime_error("cannot write " + port_file);
}

void run(const clink_twin::twin_options& options) {
    boost::asio::io_context io(1);
    clink_twin::twin started(io, options);
    boost::asio::signal_set ends(io, SIGTERM, SIGINT);
    ends.async_wait([&](auto, auto) { io.stop(); });
    announce(started, options.port_file);
    io.run();
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (auto options = clink_twin::read_options(argc, argv))
            run(*options);
        return 0;
    } catch (const clink_twin::usage_error& wrong) {
        std::cerr << "clink-twin: " << wrong.what() << " (--help tells more)\n";
        return 2;
    } catch (const std::exception& failure) {
        std::cerr << "clink-twin: " << failure.what() << "\n";
        return 1;
    }
}
