// One HTTP POST over a connection of its own, http or https without verification: webhooks leave through it.
#pragma once

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace clink_twin {

struct post_request {
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    std::chrono::milliseconds timeout{10'000}; ///< for the whole exchange
};

struct post_result {
    unsigned status = 0; ///< 0: no answer, and `error` says why
    std::string body;
    std::string error;
};

boost::asio::awaitable<post_result> post(post_request request);

} // namespace clink_twin
