// The control API under /control: how a test turns, drives and reads the twin. No key; README.md has the
// table.
#pragma once

#include "core.h"
#include "webhooks.h"

#include <boost/asio/awaitable.hpp>

namespace clink_twin {

/// Never throws: what makes no sense is a 4xx with {"error": sentence}.
boost::asio::awaitable<http_response> handle_control(core& twin, webhook_sender& webhooks, listener& front,
                                                     http_request request);

} // namespace clink_twin
