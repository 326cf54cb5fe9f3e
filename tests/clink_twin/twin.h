// The whole twin on one io_context: merchant API, hosted page, control API, webhooks, and expiry by the
// clock.
#pragma once

#include "core.h"
#include "options.h"
#include "webhooks.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <string>

namespace clink_twin {

class twin {
public:
    /// Binds and begins to serve; throws what `listener` throws. Must outlive the io_context's run.
    twin(boost::asio::io_context& io, const twin_options& options);

    /// "host:port" with the port bound.
    std::string address() const { return front_.address(); }
    const std::string& public_url() const { return core_.public_url; }

private:
    boost::asio::awaitable<wire_reply> handle(http_request request, std::uint64_t connection);
    boost::asio::awaitable<void> expire();

    core core_;
    webhook_sender webhooks_;
    listener front_;
};

} // namespace clink_twin
