// How much one process takes on: connections to the database and how many clients fit into its descriptors.
#pragma once

#include "app/settings.h"

#include <cstddef>

namespace checkout {

inline constexpr std::size_t finance_connections = 4; ///< to the database, besides those of exports
inline constexpr std::size_t admin_connections = 256; ///< of clients to the admin listener

/// Of the feed's readers, those that may wait at the same time: few enough to leave the requests of others
/// their room in MAX_IN_FLIGHT.
std::size_t most_waiting_readers(const settings& with);

/// MAX_CONNECTIONS, or fewer where the limit of open files leaves no room for as many beside what the process
/// itself needs; that is logged. Throws std::runtime_error when there is room for hardly any.
std::size_t fit_connections(const settings& with);

} // namespace checkout
