// The API's edge: routes a request, admits it (token, scope, media type, load), runs its handler, turns
// whatever happens into an answer with a request id, and writes the access log. Used on the I/O thread only.
#pragma once

#include "http/handlers.h"
#include "http/request_trail.h"
#include "http/routes.h"
#include "http/server.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>
#include <variant>

namespace checkout {

struct api_options {
    std::size_t max_in_flight = 1024; ///< past it 503 overloaded
    /// How long a request would wait for the database now; longer than `longest_wait` is 503 overloaded, too.
    std::function<std::chrono::milliseconds()> expected_wait;
    std::chrono::milliseconds longest_wait{2'000};
    int rate_limit_per_second = 0;         ///< per token, 429 past it; 0: off
    bool needs_client_certificate = false; ///< on /v1/
    tracer tracing;                        ///< a span for each request
};

class api {
public:
    api(services& with, token_registry& tokens, api_options options);

    /// The server's callbacks; `this` outlives the server.
    server_callbacks callbacks();

    std::size_t in_flight() const { return in_flight_; }

private:
    bool is_full() const { return in_flight_ >= options_.max_in_flight; }

    struct admitted {
        const route* found = nullptr;
        std::vector<std::string> parameters;
        api_identity caller;
    };

    request_admission admit(const http_request& request);
    boost::asio::awaitable<http_response> handle(http_request request);
    http_response answer_fault(const http_request& request, server_fault fault);

    std::variant<admitted, http_response> find_route(const http_request& request,
                                                     const std::string& request_id);
    http_response reject(const http_request& request, const std::string& request_id, const problem& wrong,
                         const admitted& so_far);
    std::optional<problem> check(const http_request& request, const route& found, api_identity& caller);
    std::optional<problem> check_load(const route& found, const api_identity& caller);
    boost::asio::awaitable<reply> run(endpoint target, call request);
    boost::asio::awaitable<reply> run_guarded(endpoint target, call request);

    services& with_;
    token_registry& tokens_;
    const api_options options_;
    std::size_t in_flight_ = 0;
    struct rate {
        double tokens = 0;
        std::chrono::steady_clock::time_point at;
    };
    std::unordered_map<std::string, rate> rates_;
};

/// What the caller is told of a request that could not be read.
problem to_problem(server_fault fault);

} // namespace checkout
