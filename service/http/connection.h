// One accepted connection of http_server: handshake, requests one after the other, answers, closing. This
// header is what the server sees of it.
#pragma once

#include "http/framing.h"
#include "http/server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <list>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

namespace checkout {

class connection;

/// What the connections of one server share; outlives the server while a handler still runs.
struct connection_group {
    connection_group(boost::asio::io_context& io, std::string listener_name, const server_limits& its_limits,
                     server_callbacks its_callbacks);

    void add(connection& member);
    void remove(connection& member); ///< the last one to go ends the wait on `emptied`

    /// A connection waits for its next request as long as this lives.
    class idle_place {
    public:
        idle_place(connection_group& group, connection& member);
        idle_place(const idle_place&) = delete;
        idle_place& operator=(const idle_place&) = delete;
        ~idle_place();

    private:
        connection_group& group_;
        std::list<connection*>::iterator at_;
    };
    /// Closes the connection that has waited longest for a request; it is gone from `open` a moment later.
    /// False when none waits.
    bool make_room();

    const std::string listener; ///< its name in the metrics
    server_limits limits;
    server_callbacks callbacks;
    std::unordered_set<connection*> open;
    boost::asio::steady_timer emptied;
    date_header date;
    std::size_t large_bodies = 0; ///< in memory
    bool closing = false;         ///< every answer closes its connection
    bool draining = false;        ///< and no connection waits long for another request

private:
    std::list<connection*> idle_; ///< longest first; null: closed already
};

class connection {
public:
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;

    /// Lets the connection, if it waits for a request, wait for a moment only.
    virtual void hurry() = 0;
    /// Closes the connection, of which nothing is under way.
    virtual void drop() = 0;
    /// Closes the connection whatever it does. A handler that runs is not stopped; its answer goes nowhere.
    virtual void cut() = 0;

protected:
    explicit connection(std::shared_ptr<connection_group> group) : group_(std::move(group)) {
        group_->add(*this);
    }
    ~connection() { group_->remove(*this); }

    const std::shared_ptr<connection_group> group_;
};

/// Serves the connection until its end, on the socket's executor; in TLS if a context is given, which
/// may go before the connection does.
void start_connection(boost::asio::ip::tcp::socket socket, std::string peer,
                      std::shared_ptr<connection_group> group, boost::asio::ssl::context* tls);

} // namespace checkout
