// What one try at an HTTP exchange came to, in plain values: all that the classification (exchange.h) and the
// retry rule (retry.h) may look at. Says nothing about what it means.
#pragma once

#include <boost/system/error_code.hpp>

#include <optional>
#include <string>

namespace checkout {

/// What a try was doing when it ended, in the order in which a try goes through them.
enum class transport_phase {
    waiting,     ///< for one of the pool's connections to become free
    resolving,   ///< the host's name
    connecting,  ///< TCP
    handshaking, ///< TLS, certificate and host name checks included
    writing,     ///< from here on bytes of the request may be with the peer
    reading,     ///< the answer
    finished     ///< the answer was read whole
};

struct transport_result {
    transport_phase phase = transport_phase::waiting;
    boost::system::error_code
        error; ///< why it went no further; asio::error::timed_out when the deadline ended it
    bool reused_connection = false; ///< the connection had carried an exchange before
    bool peer_distrusted = false;   ///< the peer's certificate was refused: another try would meet the same
    std::optional<int> status;      ///< set once the answer's header was read, also when its body broke
    std::string retry_after;        ///< the header's value; empty without one
    std::string body;               ///< complete when finished, else empty
};

} // namespace checkout
