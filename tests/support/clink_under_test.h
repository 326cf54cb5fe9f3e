// A Clink client on an io_context that the test's own thread runs, and what its tests ask and answer with.
#pragma once

#include "clink/client.h"
#include "support/scripted_peer.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <chrono>
#include <future>
#include <string>

namespace checkout::test {

extern const std::string clink_api_key;
extern const std::string created_body; ///< accepts clink_command(); its page token is "tok_1"
extern const std::string session_body; ///< sess_1, open and unpaid

create_command clink_command();

/// Version "1.2.3", an answer limit of 64 KiB.
clink_options clink_options_for(std::string base_url);

template <class T>
std::future<T> start(boost::asio::io_context& io, boost::asio::awaitable<T> work) {
    return boost::asio::co_spawn(io, std::move(work), boost::asio::use_future);
}

/// Runs the context until the result is there.
template <class T>
T finish(boost::asio::io_context& io, std::future<T> result) {
    io.restart();
    while (result.wait_for(std::chrono::seconds{0}) != std::future_status::ready)
        io.run_one();
    return result.get();
}

template <class T>
T run(boost::asio::io_context& io, boost::asio::awaitable<T> work) {
    return finish(io, start(io, std::move(work)));
}

struct clink_under_test {
    explicit clink_under_test(std::string base_url,
                              std::chrono::milliseconds timeout = std::chrono::seconds{10},
                              std::string ca_file = {});

    clink_exchange<created_session> create() { return run(io, client.create_session(clink_command())); }
    clink_exchange<session_facts> get() { return run(io, client.get_session(clink_session_id("sess_1"))); }

    boost::asio::io_context io{1};
    clink_client client;
};

/// Reads a request and sends these bytes.
scripted_peer::script sending_after_request(std::string bytes);
scripted_peer::script until_closed();

} // namespace checkout::test
