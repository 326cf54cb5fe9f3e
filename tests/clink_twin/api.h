// The merchant API under /api: sessions, orders and refunds as clink-api.md sections 1 to 3 and 6 describe
// them.
#pragma once

#include "core.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>

namespace clink_twin {

/// Answers one call, as latency and faults have it, and logs it. Never throws.
boost::asio::awaitable<wire_reply> handle_api(core& twin, http_request request, std::uint64_t connection);

} // namespace clink_twin
