// One question for the addresses of a host, on a thread of its own that nobody waits for: the system's
// resolver cannot be interrupted, and the end of the process must not hang on it.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace checkout {

class host_question {
public:
    using addresses = std::vector<boost::asio::ip::tcp::endpoint>;

    static std::shared_ptr<host_question> ask(std::string host, std::string port);

    /// Calls `answered` once, from the other thread, or at once when the answer is there, unless forget()
    /// comes first. Takes the place of whoever was to be told before.
    void tell(std::function<void()> answered);
    /// When this returns nobody is told any more. The answer is dropped when it comes.
    void forget();
    bool is_answered() const;
    /// Of an answer; none: the name could not be resolved.
    addresses found() const;

private:
    void resolve(const std::string& host, const std::string& port);

    mutable std::mutex mutex_;
    std::function<void()> answered_; ///< nothing: nobody waits
    bool is_answered_ = false;
    addresses found_;
};

} // namespace checkout
