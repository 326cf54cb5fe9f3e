#include "http/api.h"

#include "crypto/digest.h"
#include "http/access_log.h"
#include "http/answers.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "storage/database.h"

#include <algorithm>
#include <exception>
#include <stdexcept>

namespace checkout {

namespace {

using steady = std::chrono::steady_clock;

problem too_many() {
    return {.code = problem_code::overloaded, .detail = "Too many requests are being worked on."};
}

/// For a program a problem document, for a customer a page.
http_response answer_problem(const problem& occurrence, const http_request& request, const route* found,
                             const std::string& request_id) {
    if (found != nullptr && found->for_browsers && !wants_json(request))
        return problem_page(occurrence);
    return to_response(occurrence, request_id);
}

bool has_body(const http_request& request) {
    const auto length = request.header("Content-Length");
    return request.header("Transfer-Encoding") || (length && *length != "0");
}

} // namespace

api::api(services& with, token_registry& tokens, api_options options)
    : with_(with),
      tokens_(tokens),
      options_(options) {
    begin_problem_counts();
}

server_callbacks api::callbacks() {
    return {.admit = [this](const http_request& request) { return admit(request); },
            .handle = [this](http_request request) { return handle(std::move(request)); },
            .on_fault = [this](const http_request& request,
                               server_fault fault) { return answer_fault(request, fault); }};
}

request_admission api::admit(const http_request& request) {
    const auto request_id = choose_request_id(request);
    auto found = find_route(request, request_id);
    if (auto* rejection = std::get_if<http_response>(&found))
        return {.body_limit_bytes = json_body_bytes, .rejection = std::move(*rejection)};
    const auto& admitted_request = std::get<admitted>(found);
    if (auto wrong = check_load(*admitted_request.found, admitted_request.caller))
        return {.body_limit_bytes = json_body_bytes,
                .rejection = reject(request, request_id, *wrong, admitted_request)};
    const bool ignored = admitted_request.found->body == request_body::none;
    return {.body_limit_bytes = ignored ? ignored_body_bytes : json_body_bytes, .rejection = {}};
}

/// The route with its caller, or the answer that refuses the request.
std::variant<api::admitted, http_response> api::find_route(const http_request& request,
                                                           const std::string& request_id) {
    auto match = match_route(main_routes(), request.method, request.path);
    problem wrong{.code = problem_code::not_found, .detail = "There is no such path."};
    std::string allow;
    admitted result;
    if (auto* found = std::get_if<route_match>(&match)) {
        result.found = found->found;
        result.parameters = std::move(found->parameters);
        auto refused = check(request, *result.found, result.caller);
        if (!refused)
            return result;
        wrong = std::move(*refused);
    } else if (auto* other = std::get_if<no_such_method>(&match)) {
        wrong = {.code = problem_code::method_not_allowed, .detail = "The path does not have this method."};
        allow = std::move(other->allow);
    } else if (std::holds_alternative<bad_path>(match)) {
        wrong = {.code = problem_code::bad_request, .detail = "The path has a malformed percent-escape."};
    }
    auto response = reject(request, request_id, wrong, result);
    if (!allow.empty())
        response.set("Allow", allow);
    return response;
}

/// The answer, counted and logged, to a request of which only its head was read, if that. `so_far`: the route
/// and the caller, where they are known.
http_response api::reject(const http_request& request, const std::string& request_id, const problem& wrong,
                          const admitted& so_far) {
    const std::string_view pattern = so_far.found != nullptr ? so_far.found->pattern : "";
    auto response = answer_problem(wrong, request, so_far.found, request_id);
    auto work = begin_span(options_.tracing, request, pattern, request_id);
    conclude(request, {pattern, so_far.caller.name, kind_of(wrong.code).name}, response, work);
    return response;
}

std::optional<problem> api::check(const http_request& request, const route& found, api_identity& caller) {
    if (options_.needs_client_certificate && found.pattern.starts_with("/v1/")
        && !request.has_client_certificate)
        return problem{.code = problem_code::client_certificate_required,
                       .detail = "This path needs a client certificate."};
    if (!found.scopes.empty()) {
        const auto token = parse_bearer(request.header("Authorization").value_or(""));
        auto identity = token ? tokens_.find(*token) : std::nullopt;
        if (!identity)
            return problem{.code = problem_code::unauthorized,
                           .detail = "The request needs a bearer token that is known here."};
        caller = std::move(*identity);
        if (!caller.scopes.contains_any_of(found.scopes))
            return problem{.code = problem_code::insufficient_scope,
                           .detail = "The token does not have a scope that this operation needs."};
    }
    if (found.body == request_body::json && (has_body(request) || request.header("Content-Type"))
        && !is_json_content(request))
        return problem{.code = problem_code::unsupported_media_type,
                       .detail = "The body must be application/json."};
    return std::nullopt;
}

std::optional<problem> api::check_load(const route& found, const api_identity& caller) {
    if (is_full())
        return too_many();
    if (options_.expected_wait && !found.reads_apart() && options_.expected_wait() > options_.longest_wait)
        return problem{.code = problem_code::overloaded, .detail = "Too much waits for the database."};
    if (options_.rate_limit_per_second == 0 || caller.name.empty())
        return std::nullopt;
    const double limit = options_.rate_limit_per_second;
    const auto now = steady::now();
    auto& bucket = rates_.try_emplace(caller.name, rate{limit, now}).first->second;
    const std::chrono::duration<double> since = now - bucket.at;
    bucket = {std::min(limit, bucket.tokens + since.count() * limit), now};
    if (bucket.tokens < 1)
        return problem{.code = problem_code::rate_limited,
                       .detail = "The token's rate of requests is used up."};
    bucket.tokens -= 1;
    return std::nullopt;
}

boost::asio::awaitable<http_response> api::handle(http_request request) {
    auto match = match_route(main_routes(), request.method, request.path);
    auto& found = std::get<route_match>(match);
    auto work = begin_span(options_.tracing, request, found.found->pattern, choose_request_id(request));
    api_identity caller;
    reply outcome;
    // A body takes its time: with a token that was taken away meanwhile nothing is begun any more.
    if (auto refused = check(request, *found.found, caller)) {
        outcome = std::move(*refused);
    } else if (is_full()) {
        outcome = too_many();
    } else {
        ++in_flight_;
        metrics().http_in_flight.add({}, 1);
        call admitted_call{.request = request,
                           .parameters = std::move(found.parameters),
                           .scopes = caller.scopes,
                           .caller = caller.name,
                           .context = work.context()};
        outcome = co_await run_guarded(found.found->target, std::move(admitted_call));
        --in_flight_;
        metrics().http_in_flight.add({}, -1);
    }
    std::string_view name = no_problem;
    http_response response;
    if (const auto* wrong = std::get_if<problem>(&outcome)) {
        name = kind_of(wrong->code).name;
        response = answer_problem(*wrong, request, found.found, work.context().request_id);
    } else {
        response = std::move(std::get<http_response>(outcome));
    }
    conclude(request, {found.found->pattern, caller.name, name}, response, work);
    co_return response;
}

/// Where everything that can go wrong ends: said once in the log with its cause, to the caller without.
boost::asio::awaitable<reply> api::run_guarded(endpoint target, call request) {
    const auto context = request.context;
    std::string cause;
    auto code = problem_code::internal_error;
    try {
        co_return co_await run(target, std::move(request));
    } catch (const database_unavailable& error) {
        code = problem_code::database_unavailable;
        cause = error.what();
    } catch (const write_in_doubt& error) {
        code = problem_code::database_unavailable;
        cause = error.what();
    } catch (const std::exception& error) {
        cause = error.what();
    }
    write_log(code == problem_code::internal_error ? log_level::error : log_level::warning, "request_failed",
              context, {{"outcome", kind_of(code).name}, {"detail", cause}});
    co_return problem{
        .code = code,
        .detail = code == problem_code::internal_error
                      ? "The request could not be carried out; its id is in the log."
                      : "The record cannot be reached; nothing was handed out. Send the request again."};
}

boost::asio::awaitable<reply> api::run(endpoint target, call request) {
    switch (target) {
    case endpoint::create_session:
        return create_session(with_, std::move(request));
    case endpoint::get_session:
        return get_session(with_, std::move(request));
    case endpoint::refresh_session:
        return refresh_session(with_, std::move(request));
    case endpoint::get_order:
        return get_order(with_, std::move(request));
    case endpoint::list_order_events:
        return list_order_events(with_, std::move(request));
    case endpoint::explain_order:
        return explain_order(with_, std::move(request));
    case endpoint::cancel_order:
        return cancel_order(with_, std::move(request));
    case endpoint::list_payments:
        return list_payments(with_, std::move(request));
    case endpoint::list_sessions:
        return list_sessions(with_, std::move(request));
    case endpoint::list_refunds:
        return list_refunds(with_, std::move(request));
    case endpoint::read_feed:
        return read_feed(with_, std::move(request));
    case endpoint::summarise:
        return summarise(with_, std::move(request));
    case endpoint::list_discrepancies:
        return list_discrepancies(with_, std::move(request));
    case endpoint::resolve_discrepancy:
        return resolve_discrepancy(with_, std::move(request));
    case endpoint::checkout_success:
        return checkout_success(with_, std::move(request));
    case endpoint::checkout_cancel:
        return checkout_cancel(with_, std::move(request));
    case endpoint::receive_webhook:
        return receive_webhook(with_, std::move(request));
    case endpoint::get_openapi:
        return get_openapi(with_, std::move(request));
    case endpoint::get_docs:
        return get_docs(with_, std::move(request));
    case endpoint::livez:
    case endpoint::readyz:
    case endpoint::get_metrics:
        break;
    }
    throw std::logic_error("a route of the admin listener reached the API");
}

http_response api::answer_fault(const http_request& request, server_fault fault) {
    return reject(request, choose_request_id(request), to_problem(fault), {});
}

problem to_problem(server_fault fault) {
    switch (fault) {
    case server_fault::malformed_request:
        return {.code = problem_code::bad_request,
                .detail = "This is not an HTTP/1.1 request that can be read."};
    case server_fault::header_too_large:
        return {.code = problem_code::headers_too_large, .detail = "The head of a request may have 16 KiB."};
    case server_fault::body_too_large:
        return {.code = problem_code::body_too_large, .detail = "The body of a request may have 256 KiB."};
    case server_fault::overloaded:
        return {.code = problem_code::overloaded, .detail = "Too many large bodies are being read."};
    case server_fault::request_timeout:
        return {.code = problem_code::request_timeout, .detail = "The request did not arrive in time."};
    }
    return {.code = problem_code::internal_error, .detail = {}};
}

} // namespace checkout
