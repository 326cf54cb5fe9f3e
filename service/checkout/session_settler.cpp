#include "checkout/session_settler.h"

#include "observe/crash_point.h"

namespace checkout {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto flight_patience = 60s; ///< past it a joiner has no answer

bool is_for_a_customer(evidence source) {
    return source == evidence::redirect || source == evidence::refresh;
}

bool may_share(evidence asker, evidence asked) {
    return is_for_a_customer(asked) || !is_for_a_customer(asker);
}

/// Nothing that Clink could say would change what the caller is told.
bool is_settled(const order_record& order, const session_record& session) {
    return session.status == session_status::completed && session.payment == payment_status::paid
           && knows_payments(order, session.id);
}

} // namespace

/// One question under way, shared by everybody who asks the same meanwhile.
struct session_settler::flight {
    evidence source = evidence::refresh;
    bool done = false;
    std::optional<clink_order_id> hint;
    question_outcome outcome = question_outcome::unreachable;
    std::exception_ptr error;
};

session_settler::session_settler(asio::any_io_executor executor, order_store& orders, settle_door& door,
                                 clink_questions& questions)
    : orders_(orders),
      door_(door),
      questions_(questions),
      answers_(std::move(executor)) {}

asio::awaitable<result<session_outcome>> session_settler::refresh(clink_session_id id, evidence source,
                                                                  call_context context) {
    auto order = co_await orders_.find_order_of(id);
    const auto* session = order ? order->find_session(id) : nullptr;
    if (session == nullptr || !session->released())
        co_return make_failure(errc::session_not_found, "There is no such session.");
    session_outcome outcome;
    outcome.attempt = session->id;
    outcome.order = std::move(*order);
    if (is_settled(outcome.order, outcome.session())) {
        outcome.could_move = false;
        co_return outcome;
    }
    const auto under_way = flights_.find(id.str());
    const bool joins = under_way != flights_.end() && may_share(source, under_way->second->source);
    if (joins || budget_.take(id)) {
        const auto asked = co_await ask(id, source, std::move(context));
        outcome.asked = true;
        outcome.answered = asked.outcome == question_outcome::answered;
        if (auto now = co_await orders_.find_order_of(id))
            outcome.order = std::move(*now);
        outcome.could_move = !is_settled(outcome.order, outcome.session());
    }
    outcome.next_question = budget_.time_to_next(id);
    co_return outcome;
}

/// Who comes for a customer shares a question that was put for one, not one of the sweeper's or a webhook's
/// that was under way when the customer paid. A joiner with a hint shares a question that had it, too.
asio::awaitable<question_result> session_settler::ask(clink_session_id id, evidence source,
                                                      call_context context,
                                                      std::optional<clink_order_id> hint) {
    for (auto found = flights_.find(id.str()); found != flights_.end(); found = flights_.find(id.str())) {
        const auto shared = found->second;
        const auto until = std::chrono::steady_clock::now() + flight_patience;
        while (!shared->done && std::chrono::steady_clock::now() < until)
            co_await answers_.wait(id.str(), until);
        if (shared->done && !may_share(source, shared->source))
            continue;
        if (shared->done && hint && shared->hint != hint)
            continue;
        if (shared->error)
            std::rethrow_exception(shared->error);
        co_return question_result{shared->outcome, 0};
    }
    const auto mine = std::make_shared<flight>();
    mine->source = source;
    mine->hint = hint;
    flights_.emplace(id.str(), mine);
    question_result result;
    try {
        result = co_await ask_alone(id, source, std::move(context), std::move(hint));
        mine->outcome = result.outcome;
    } catch (...) {
        mine->error = std::current_exception();
    }
    mine->done = true;
    flights_.erase(id.str());
    answers_.wake(id.str());
    if (mine->error)
        std::rethrow_exception(mine->error);
    co_return result;
}

/// The order is read before Clink is asked: an answer is applied only to the state that it was asked on, so
/// an old answer never undoes a newer one.
asio::awaitable<question_result> session_settler::ask_alone(clink_session_id id, evidence source,
                                                            call_context context,
                                                            std::optional<clink_order_id> hint) {
    // Nobody waits for the sweeper, and nobody else looks for what a session does not name.
    const auto scope = source == evidence::sweeper ? order_scope::all : order_scope::of_payment;
    question_result result;
    for (int attempt = 1; attempt <= settle_tries; ++attempt) {
        const auto order = co_await orders_.find_order_of(id);
        const auto* session = order ? order->find_session(id) : nullptr;
        if (session == nullptr)
            co_return result;
        const auto heard = co_await questions_.hear_session(id, order->id, hint, scope, context);
        result.calls += heard.result.calls;
        result.outcome = heard.result.outcome;
        if (!heard.word)
            co_return result;
        crash_point("settle.answered");
        auto change = settle(*order, *session, *heard.word, source);
        settlement_evidence found{.clink_body = heard.body, .request_id = context.request_id};
        if (co_await door_.pass(*order, std::move(change), std::move(found)))
            co_return result;
    }
    throw database_unavailable("a settlement found the order changed every time");
}

} // namespace checkout
