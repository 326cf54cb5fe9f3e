#include "http/api.h"

#include "crypto/digest.h"
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

constexpr std::string_view no_problem = "ok";

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

/// What is said of a request besides what is in it.
struct verdict {
    std::string_view pattern; ///< empty: no route
    std::string_view caller;
    std::string_view outcome;
};

/// A method that is a label: any other word of a caller's is not.
std::string_view name_method(std::string_view method) {
    static constexpr std::string_view known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    return std::ranges::find(known, method) != std::end(known) ? method : "other";
}

void count_answer(const http_request& request, const verdict& come_to, unsigned status,
                  steady::duration took) {
    const auto method = name_method(request.method);
    const auto route = come_to.pattern.empty() ? "unmatched" : come_to.pattern;
    metrics().http_requests.add({"main", method, route, std::to_string(status)});
    metrics().http_duration.observe({method, route}, took);
    if (come_to.outcome != no_problem)
        metrics().http_problems.add({route, come_to.outcome});
}

/// Counts the answer and writes one line about it; the route and not the path, so that no id, token or query
/// gets into it.
void record_answer(const http_request& request, const verdict& come_to, const http_response& response,
                   const call_context& context) {
    const auto since = request.received_at == steady::time_point{} ? steady::duration{}
                                                                   : steady::now() - request.received_at;
    count_answer(request, come_to, response.status, since);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    write_log(log_level::info, "http_request", context,
              {{"method", request.method},
               {"route", come_to.pattern},
               {"status", static_cast<std::int64_t>(response.status)},
               {"outcome", come_to.outcome},
               {"duration_ms",
                json_number{std::to_string(micros / 1000) + "." + std::to_string(micros % 1000 / 100)}},
               {"bytes", static_cast<std::int64_t>(response.body.size())},
               {"caller", come_to.caller.empty() ? json_value() : json_value(come_to.caller)},
               {"peer", request.peer}});
}

/// The end of every answer, whatever it is.
void conclude(const http_request& request, const verdict& come_to, http_response& response, span& work) {
    response.set("X-Request-Id", work.context().request_id);
    record_answer(request, come_to, response, work.context());
    end_span(work, response.status);
}

/// What people are woken by is counted from 0: the first increase of a series that just began is not seen.
void begin_problems() {
    constexpr problem_code alarming[] = {
        problem_code::internal_error,
        problem_code::database_unavailable,
        problem_code::overloaded,
        problem_code::clink_unavailable,
        problem_code::clink_rejected,
        problem_code::clink_outcome_unknown,
        problem_code::unauthorized,
        problem_code::clink_answer_mismatch,
        problem_code::rate_limited,
        problem_code::insufficient_scope,
        problem_code::client_certificate_required,
    };
    for (const auto& each : main_routes())
        for (const auto code : alarming)
            metrics().http_problems.add({each.pattern, kind_of(code).name}, 0);
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
    begin_problems();
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
    if (auto wrong = check_load(*admitted_request.found, admitted_request.caller)) {
        auto response = answer_problem(*wrong, request, admitted_request.found, request_id);
        auto work = begin_span(options_.tracing, request, admitted_request.found->pattern, request_id);
        conclude(request,
                 {admitted_request.found->pattern, admitted_request.caller.name, kind_of(wrong->code).name},
                 response, work);
        return {.body_limit_bytes = json_body_bytes, .rejection = std::move(response)};
    }
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
    auto response = answer_problem(wrong, request, result.found, request_id);
    if (!allow.empty())
        response.set("Allow", allow);
    const std::string_view pattern = result.found != nullptr ? result.found->pattern : "";
    auto work = begin_span(options_.tracing, request, pattern, request_id);
    conclude(request, {pattern, result.caller.name, kind_of(wrong.code).name}, response, work);
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
    const auto request_id = choose_request_id(request);
    const auto occurrence = to_problem(fault);
    auto response = to_response(occurrence, request_id);
    auto work = begin_span(options_.tracing, request, "", request_id);
    conclude(request, {"", "", kind_of(occurrence.code).name}, response, work);
    return response;
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
