// Ends what a connection is doing when a time comes, or when everything is to end.
#pragma once

#include "clink/connection.h"

#include <boost/asio/any_io_executor.hpp>

#include <chrono>
#include <memory>
#include <unordered_set>

namespace checkout {

class deadline_watch;

/// The watches of one client that are running. Outlives them.
class deadline_board {
public:
    /// Lets the deadline of every watch come now.
    void expire_all();

private:
    friend class deadline_watch;
    std::unordered_set<deadline_watch*> running_;
};

/// From its construction to its destruction watches over one connection; at `deadline` aborts it. A
/// connection that has been given on is out of its reach, also when the timer had already fired. One thread.
class deadline_watch {
public:
    deadline_watch(deadline_board& board, boost::asio::any_io_executor executor,
                   std::chrono::steady_clock::time_point deadline, std::shared_ptr<clink_connection> watched);
    deadline_watch(const deadline_watch&) = delete;
    deadline_watch& operator=(const deadline_watch&) = delete;
    ~deadline_watch();

    /// True once the connection was aborted by this watch.
    bool expired() const;
    /// As if the deadline had come.
    void expire();

private:
    struct state;
    deadline_board& board_;
    std::shared_ptr<state> state_;
};

} // namespace checkout
