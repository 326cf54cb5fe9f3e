#include "app/admin.h"

#include "http/answers.h"
#include "http/api.h"
#include "http/problem.h"
#include "http/routes.h"
#include "observe/metrics.h"
#include "storage/migrations.h"

namespace checkout {

namespace {

problem find_problem(const http_request& request, std::string& allow) {
    auto match = match_route(admin_routes(), request.method, request.path);
    if (auto* other = std::get_if<no_such_method>(&match)) {
        allow = std::move(other->allow);
        return {.code = problem_code::method_not_allowed, .detail = "The path does not have this method."};
    }
    if (std::holds_alternative<bad_path>(match))
        return {.code = problem_code::bad_request, .detail = "The path has a malformed percent-escape."};
    return {.code = problem_code::not_found, .detail = "There is no such path."};
}

http_response metrics_answer() {
    http_response response;
    response.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response.body = write_metrics();
    return response;
}

http_response with_id(http_response response, const std::string& request_id) {
    response.set("X-Request-Id", request_id);
    return response;
}

} // namespace

server_callbacks admin::callbacks() {
    return {.admit =
                [](const http_request&) {
                    return request_admission{.body_limit_bytes = ignored_body_bytes, .rejection = {}};
                },
            .handle = [this](http_request request) { return handle(std::move(request)); },
            .on_fault =
                [](const http_request& request, server_fault fault) {
                    const auto request_id = choose_request_id(request);
                    return with_id(to_response(to_problem(fault), request_id), request_id);
                }};
}

void admin::announce_drain() {
    draining_ = true;
    metrics().ready.set({}, 0);
    metrics().draining.set({}, 1);
}

boost::asio::awaitable<http_response> admin::handle(http_request request) {
    const auto request_id = choose_request_id(request);
    const auto match = match_route(admin_routes(), request.method, request.path);
    const auto* found = std::get_if<route_match>(&match);
    if (found == nullptr) {
        std::string allow;
        auto response = to_response(find_problem(request, allow), request_id);
        if (!allow.empty())
            response.set("Allow", allow);
        co_return with_id(std::move(response), request_id);
    }
    if (found->found->target == endpoint::livez)
        co_return with_id(json_answer(200, json_object{{"status", "live"}}), request_id);
    if (found->found->target == endpoint::get_metrics)
        co_return with_id(metrics_answer(), request_id);
    co_return with_id(co_await readiness(), request_id);
}

boost::asio::awaitable<http_response> admin::readiness() {
    json_array reasons;
    try {
        if (co_await find_schema_version(probe_) < needed_schema_)
            reasons.push_back("schema_outdated");
    } catch (const std::exception&) {
        reasons.push_back("database_unreachable");
    }
    if (draining_)
        reasons.push_back("draining");
    const bool ready = reasons.empty();
    metrics().ready.set({}, ready ? 1 : 0);
    co_return json_answer(ready ? 200 : 503, json_object{{"status", ready ? "ready" : "unready"},
                                                         {"reasons", std::move(reasons)}});
}

} // namespace checkout
