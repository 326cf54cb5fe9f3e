#include "http/answers.h"
#include "http/handlers.h"

namespace checkout {

namespace {

webhook_headers read_headers(const http_request& request) {
    webhook_headers headers{.timestamp = std::string(request.header("X-Clink-Timestamp").value_or("")),
                            .signature = std::string(request.header("X-Clink-Signature").value_or("")),
                            .sign_type = {}};
    if (const auto type = request.header("X-Clink-SignType"))
        headers.sign_type = std::string(*type);
    return headers;
}

} // namespace

async_reply receive_webhook(services& with, call request) {
    if (!with.webhooks.enabled())
        co_return problem{.code = problem_code::not_found, .detail = "This service takes no webhooks."};
    auto headers = read_headers(request.request);
    auto receipt = co_await with.webhooks.receive(std::move(headers), std::move(request.request.body),
                                                  std::move(request.context));
    switch (receipt.verdict) {
    case webhook_authenticity::forged:
        co_return problem{.code = problem_code::webhook_signature_invalid,
                          .detail = "The body is not signed with a key that is configured here."};
    case webhook_authenticity::late:
        co_return problem{.code = problem_code::webhook_late,
                          .detail = "The timestamp is outside the window; the event was kept."};
    case webhook_authenticity::authentic:
        break;
    }
    http_response answer;
    if (receipt.answer) {
        answer.set("Content-Type", "application/json");
        answer.body = std::move(*receipt.answer);
    }
    co_return answer;
}

} // namespace checkout
