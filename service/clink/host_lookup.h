// The addresses of one host. Asked anew whenever a connection is to be opened, because addresses change;
// questions at the same time share one answer, because the resolver takes them one after the other.
#pragma once

#include "clink/base_url.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <memory>
#include <vector>

namespace checkout {

struct host_addresses {
    boost::system::error_code error; ///< asio::error::timed_out when the deadline came first
    std::vector<boost::asio::ip::tcp::endpoint> endpoints;
};

/// One thread.
class host_lookup {
public:
    host_lookup(boost::asio::any_io_executor executor, const clink_base& base);

    /// The system's resolver cannot be interrupted: past the deadline its late answer is left to whoever asks
    /// next.
    static boost::asio::awaitable<host_addresses> find(std::shared_ptr<host_lookup> lookup,
                                                       std::chrono::steady_clock::time_point deadline);
    /// Lets the deadline of everybody who waits come now.
    void turn_away();

private:
    struct question;
    std::shared_ptr<question> ask();

    const clink_base base_;
    boost::asio::ip::tcp::resolver resolver_;
    std::vector<boost::asio::ip::tcp::endpoint> literal_; ///< when the host is an address
    std::weak_ptr<question> asked_;                       ///< the question under way
};

} // namespace checkout
