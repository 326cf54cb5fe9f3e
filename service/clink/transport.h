// Sends one request to Clink's host and reads its answer, once, within a deadline: name, connection, TLS,
// exchange. Says how far it came, never what that means (exchange.h) nor whether to try again (retry.h).
#pragma once

#include "clink/base_url.h"
#include "clink/connection.h"
#include "clink/transport_result.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace checkout {

struct transport_options {
    clink_base base;
    std::string ca_file;                         ///< extra trust anchor, PEM; empty: the system's store alone
    std::size_t answer_bytes = 0;                ///< limit of an answer's body
    std::size_t connections = 1;                 ///< open at once
    std::chrono::milliseconds idle_time{30'000}; ///< a kept connection is closed after it
};

/// One thread runs its io_context. While a connection is kept, io_context::run does not return; close() ends
/// that.
class clink_transport {
public:
    /// Throws std::runtime_error with a sentence when `ca_file` cannot be used.
    clink_transport(boost::asio::io_context& io, transport_options options);
    ~clink_transport();
    clink_transport(const clink_transport&) = delete;
    clink_transport& operator=(const clink_transport&) = delete;

    /// One try. Uses a kept connection only when it was used less than `max_idle` ago and is alive; zero:
    /// always a new one. May outlive the transport. Cancelling it closes its connection.
    boost::asio::awaitable<transport_result> exchange(transport_request request,
                                                      std::chrono::steady_clock::time_point deadline,
                                                      std::chrono::milliseconds max_idle);

    /// Closes the kept connections and keeps none from now on; exchanges under way finish.
    void close();
    /// Lets the deadline of every exchange come now, of those that are begun later, too.
    void abandon();
    bool abandoned() const;

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace checkout
