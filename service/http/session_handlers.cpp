#include "crypto/encoding.h"
#include "http/answers.h"
#include "http/handlers.h"
#include "http/session_id.h"
#include "http/wire.h"

namespace checkout {

namespace {

std::string session_path(const clink_session_id& id) {
    return "/v1/checkout-sessions/" + percent_encode(id.str());
}

problem no_session() {
    return {.code = problem_code::session_not_found, .detail = "There is no such session."};
}

} // namespace

async_reply create_session(services& with, call request) {
    auto parsed = parse_create_request(request.request.body, with.create_policy);
    if (parsed.has_error())
        co_return std::move(parsed).error();
    auto wanted = std::move(*parsed);
    auto page = co_await with.creator.create(std::move(wanted.order_id), std::move(wanted.terms),
                                             wanted.supersede, request.context);
    if (page.has_error())
        co_return to_problem(std::move(page).error());
    auto response = json_answer(page->replayed ? 200 : 201, to_json_page(page->order_id, page->session));
    response.set("Location", session_path(*page->session.session_id));
    if (page->replayed)
        response.set("Idempotent-Replayed", "true");
    co_return response;
}

async_reply get_session(services& with, call request) {
    const auto& text = request.parameters.front();
    if (!is_session_id(text))
        co_return no_session();
    const clink_session_id id(text);
    const auto order = co_await with.orders.find_order_of(id);
    const auto* session = order ? order->find_session(id) : nullptr;
    if (session == nullptr || (!session->released() && !request.scopes.contains(api_scope::finance)))
        co_return no_session();
    co_return json_answer(200, to_json_session(*order, *session));
}

async_reply refresh_session(services& with, call request) {
    const auto& text = request.parameters.front();
    if (!is_session_id(text))
        co_return no_session();
    auto outcome = co_await with.settler.refresh(clink_session_id(text), evidence::refresh, request.context);
    if (outcome.has_error())
        co_return to_problem(std::move(outcome).error());
    co_return json_answer(200, to_json_outcome(*outcome));
}

} // namespace checkout
