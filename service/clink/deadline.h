// Ends what a connection is doing when a time comes.
#pragma once

#include "clink/connection.h"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>

namespace checkout {

/// From its construction to its destruction watches over one connection; at `deadline` aborts it. A
/// connection that has been given on is out of its reach, also when the timer had already fired. One thread.
class deadline_watch {
public:
    deadline_watch(boost::asio::any_io_executor executor, std::chrono::steady_clock::time_point deadline,
                   std::shared_ptr<clink_connection> watched);
    deadline_watch(const deadline_watch&) = delete;
    deadline_watch& operator=(const deadline_watch&) = delete;
    ~deadline_watch();

    /// True once the connection was aborted by this watch.
    bool expired() const;

private:
    struct state;
    std::shared_ptr<state> state_;
};

} // namespace checkout
