// Ends the wait for a server that is connected and says nothing: one that hangs while its machine still
// acknowledges what it is sent, so that no TCP time-out ends it, or whose commit waits for a standby that is
// gone, which statement_timeout does not cover. libpq would wait for ever. The socket is shut down instead,
// which libpq takes for a server that closed the connection.
#pragma once

#include "storage/conninfo.h"

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace checkout {

/// A duplicate of libpq's descriptor (fcntl(2), F_DUPFD_CLOEXEC): libpq closes its own as soon as a
/// connection fails, and that number may be somebody else's from then on.
class duplicated_socket {
public:
    explicit duplicated_socket(int socket); ///< throws pqxx::broken_connection when no descriptor is left
    ~duplicated_socket();
    duplicated_socket(duplicated_socket&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    duplicated_socket& operator=(duplicated_socket&&) = delete;

    int number() const { return number_; }

private:
    int number_;
};

class answer_watch {
    struct awaited {
        int socket;
        std::chrono::steady_clock::time_point until;
        bool overdue = false;
    };

public:
    /// While it lives, an answer is awaited on the socket. For one thread.
    class wait {
    public:
        wait(answer_watch& watch, const duplicated_socket& socket);
        ~wait();
        wait(const wait&) = delete;
        wait& operator=(const wait&) = delete;

        /// The answer that comes next may take the whole patience again.
        void renew();

    private:
        answer_watch& watch_;
        std::list<awaited>::iterator at_;
    };

    /// Waits as long as the server itself may take for a statement by `limits`, and for the way there and
    /// back as long as for a lock: what the server ends by itself it can say first.
    explicit answer_watch(const connection_limits& limits);
    ~answer_watch();
    answer_watch(const answer_watch&) = delete;
    answer_watch& operator=(const answer_watch&) = delete;

    /// From now on nothing is awaited for longer than this.
    void hurry(std::chrono::milliseconds patience);

private:
    void run();
    void give_up_overdue();

    std::mutex mutex_;
    std::chrono::milliseconds patience_;
    bool hurried_ = false; ///< awaited_ was changed under the waiting thread
    std::condition_variable changed_;
    std::list<awaited> awaited_; ///< in order of `until`, since all have the same patience
    std::list<awaited> overdue_;
    bool idle_ = false; ///< the thread sleeps until something is awaited
    bool stopping_ = false;
    std::thread thread_; ///< last: it uses everything above
};

} // namespace checkout
