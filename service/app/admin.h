// The admin listener: is the process alive, should it get requests, what does it count. Not for an ingress.
#pragma once

#include "http/server.h"
#include "storage/database.h"

namespace checkout {

class admin {
public:
    /// `needed_schema` is the oldest schema version that this binary works with. `probe` is a connection of
    /// its own: behind the requests' queue a load that is too high would take every replica out at once.
    admin(database& probe, int needed_schema) : probe_(probe), needed_schema_(needed_schema) {}

    /// The server's callbacks; `this` outlives the server.
    server_callbacks callbacks();
    /// From now on /readyz says no.
    void announce_drain();

private:
    boost::asio::awaitable<http_response> handle(http_request request);
    boost::asio::awaitable<http_response> readiness();

    database& probe_;
    const int needed_schema_;
    bool draining_ = false;
};

} // namespace checkout
