// The collector that spans are sent to: one POST on a connection of its own, http or https, within a
// deadline. Never logs, and never says in a result, what it sent.
#pragma once

#include "telemetry/host_question.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace checkout {

struct collector_options {
    bool https = false;
    std::string host;                                         ///< name or address, IPv6 without brackets
    std::string port;                                         ///< decimal
    std::string path;                                         ///< percent-encoded, begins with '/'
    std::vector<std::pair<std::string, std::string>> headers; ///< secret
    std::string ca_file; ///< PEM, trusted instead of the system's store; empty: that store
    std::string version; ///< of this program, for the User-Agent header
};

struct collector_answer {
    boost::system::error_code error; ///< why there is no answer
    int status = 0;
    std::string retry_after; ///< as it came
    std::string body;
};

/// Used by the one thread that runs its io_context.
class collector {
public:
    using clock = std::chrono::steady_clock;

    /// Throws std::runtime_error with a sentence when `ca_file` cannot be used.
    collector(boost::asio::io_context& io, collector_options options);
    /// Nothing of it may be under way.
    ~collector();

    /// One try. Follows no redirect.
    boost::asio::awaitable<collector_answer> post(std::string body, clock::time_point deadline);

private:
    boost::asio::awaitable<host_question::addresses> find_addresses(clock::time_point deadline);
    template <class Stream>
    boost::asio::awaitable<collector_answer> exchange(Stream& stream, host_question::addresses addresses,
                                                      std::string body, clock::time_point deadline);

    boost::asio::io_context& io_;
    const collector_options options_;
    std::optional<boost::asio::ssl::context> tls_; ///< nothing: plain
    std::shared_ptr<host_question> asked_;         ///< the last one, perhaps still without its answer
};

} // namespace checkout
