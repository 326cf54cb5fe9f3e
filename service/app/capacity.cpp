#include "app/capacity.h"

#include "clink/client.h"
#include "finance/export_desk.h"
#include "observe/log.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace checkout {

namespace {

constexpr std::size_t least_connections = 16;
constexpr std::size_t other_connections =
    2; ///< to the database: who listens, and who looks whether it is there
constexpr std::size_t other_files = 64;

/// A connection to the database has two (storage/answer_watch.h), and one that broke may not be closed when
/// its successor is made.
std::size_t count_own_files(const settings& with) {
    const auto to_database = static_cast<std::size_t>(with.database.pool_size) + finance_connections
                             + export_desk::exports_at_once + other_connections;
    return 4 * to_database + clink_options().connections + admin_connections + other_files;
}

} // namespace

std::size_t most_waiting_readers(const settings& with) {
    return std::clamp<std::size_t>(with.load.max_in_flight / 4, 1, 256);
}

std::size_t fit_connections(const settings& with) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
        return with.load.max_connections;
    const auto own = count_own_files(with);
    if (files.rlim_cur >= own + with.load.max_connections)
        return with.load.max_connections;
    if (files.rlim_cur < own + least_connections)
        throw std::runtime_error("the limit of open files is " + std::to_string(files.rlim_cur)
                                 + ", which leaves no room for clients: "
                                 + std::to_string(own + least_connections) + " are needed");
    const auto fit = static_cast<std::size_t>(files.rlim_cur) - own;
    write_log(log_level::warning, "connections_limited",
              {{"wanted", std::uint64_t{with.load.max_connections}},
               {"limit", std::uint64_t{fit}},
               {"open_files", std::uint64_t{files.rlim_cur}}});
    return fit;
}

} // namespace checkout
