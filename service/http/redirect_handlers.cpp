#include "http/answers.h"
#include "http/handlers.h"
#include "http/session_id.h"
#include "http/wire.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>

namespace checkout {

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// Clink redirects as soon as the customer has paid, and its session may say so a moment later (contract).
constexpr std::chrono::milliseconds second_looks[] = {500ms, 1500ms};

struct customer_page {
    std::string_view title;
    std::string_view sentence;
};

customer_page page_for(std::string_view status) {
    if (status == "paid")
        return {"Thank you", "Your payment has been received. You can close this page."};
    if (status == "processing")
        return {"Your payment is being processed", "You will hear from the shop as soon as it is confirmed."};
    if (status == "expired")
        return {"This checkout has expired",
                "Nothing was charged. Please go back to the shop and start again."};
    return {"This order has not been paid", "Nothing was charged. Please go back to the shop to try again."};
}

/// The one sessionId of the query; empty when there is none or more than one.
std::string find_session_id(const http_request& request) {
    std::string found;
    int count = 0;
    if (const auto parameters = parse_query(request.query)) {
        for (const auto& [name, value] : *parameters) {
            if (name != "sessionId")
                continue;
            found = value;
            ++count;
        }
    }
    return count == 1 ? found : std::string();
}

asio::awaitable<result<session_outcome>> ask_patiently(services& with, clink_session_id id,
                                                       call_context context) {
    auto outcome = co_await with.settler.refresh(id, evidence::redirect, context);
    for (const auto pause : second_looks) {
        if (outcome.has_error() || !outcome->answered || redirect_status(*outcome) != "unpaid")
            break;
        asio::steady_timer timer(co_await asio::this_coro::executor, pause);
        co_await timer.async_wait(asio::use_awaitable);
        auto again = co_await with.settler.refresh(id, evidence::redirect, context);
        if (again.has_error())
            break;
        if (!again->asked) // the questions about a session are bounded: what was answered before stands
            again->answered = true;
        outcome = std::move(again);
    }
    co_return outcome;
}

http_response send_back(const redirect_signer& signer, const session_outcome& outcome) {
    const auto status = redirect_status(outcome);
    const auto& session = outcome.session();
    if (!session.success_url) {
        const auto text = page_for(status);
        return page_answer(200, text.title, text.sentence);
    }
    const auto now =
        std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    return redirect_answer(signer.sign_redirect(*session.success_url, {.order_id = outcome.order.id,
                                                                       .session_id = *session.session_id,
                                                                       .status = std::string(status),
                                                                       .at = now}));
}

problem no_redirects() {
    return {.code = problem_code::not_found, .detail = "There is nothing here."};
}

} // namespace

async_reply checkout_success(services& with, call request) {
    if (with.signer == nullptr)
        co_return no_redirects();
    const auto text = find_session_id(request.request);
    if (text.empty())
        co_return problem{.code = problem_code::session_id_missing,
                          .detail = "The address names no session."};
    if (!is_session_id(text))
        co_return problem{.code = problem_code::session_id_malformed,
                          .detail = "The address names no session."};
    auto outcome = co_await ask_patiently(with, clink_session_id(text), request.context);
    if (outcome.has_error())
        co_return to_problem(std::move(outcome).error());
    if (wants_json(request.request))
        co_return json_answer(200, to_json_outcome(*outcome));
    co_return send_back(*with.signer, *outcome);
}

async_reply checkout_cancel(services& with, call request) {
    if (with.signer == nullptr)
        co_return no_redirects();
    const problem unknown{.code = problem_code::cancel_token_not_found,
                          .detail = "This address is not one of ours."};
    const auto attempt = with.signer->read_cancel_token(request.parameters.front());
    if (!attempt)
        co_return unknown;
    const auto order = co_await with.orders.find_order_of(*attempt);
    const auto* session = order ? order->find_session(*attempt) : nullptr;
    if (session == nullptr)
        co_return unknown;
    if (!session->cancel_visited_at)
        co_await with.settlements.note_cancel_visit(*attempt, request.context.request_id);
    if (!session->cancel_url)
        co_return page_answer(200, "You left the checkout",
                              "Nothing was charged. You can go back to the shop.");
    co_return redirect_answer(*session->cancel_url);
}

} // namespace checkout
