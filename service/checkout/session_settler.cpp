#include "checkout/session_settler.h"

#include "observe/log.h"

#include <algorithm>

namespace checkout {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr int settle_tries = 5;       ///< against others who change the same order
constexpr int order_page_size = 50;   ///< Clink's cap (clink-api.md 6)
constexpr auto flight_patience = 60s; ///< past it a joiner has no answer

bool amounts_known(const order_record& order, const session_record& session) {
    return std::ranges::none_of(order.payments, [&](const payment_record& p) {
        return p.attempt == session.id && (!p.amount_total || !p.payment_currency || !p.order_id);
    });
}

/// Nothing that Clink could say would change what the caller is told.
bool is_settled(const order_record& order, const session_record& session) {
    return session.status == session_status::completed && session.payment == payment_status::paid
           && amounts_known(order, session);
}

/// An answer about another session, or in a word for the payment that this service does not know, says
/// nothing.
bool is_an_answer(const clink_exchange<session_facts>& exchange, const clink_session_id& id) {
    return exchange.answer && exchange.answer->session_id == id
           && exchange.answer->payment_status != clink_payment_status::unrecognised;
}

} // namespace

/// One question under way, shared by everybody who asks the same meanwhile.
struct session_settler::flight {
    bool done = false;
    bool answered = false;
    std::exception_ptr error;
};

session_settler::session_settler(asio::any_io_executor executor, order_store& orders,
                                 settlement_store& settlements, clink_client& clink)
    : orders_(orders),
      settlements_(settlements),
      clink_(clink),
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
    const bool joins = flights_.contains(id.str());
    if (joins || budget_.take(id)) {
        outcome.answered = co_await ask(id, source, std::move(context));
        if (auto now = co_await orders_.find_order_of(id))
            outcome.order = std::move(*now);
        outcome.could_move = !is_settled(outcome.order, outcome.session());
    }
    outcome.next_question = budget_.time_to_next(id);
    co_return outcome;
}

asio::awaitable<bool> session_settler::ask(clink_session_id id, evidence source, call_context context) {
    if (const auto found = flights_.find(id.str()); found != flights_.end()) {
        const auto shared = found->second;
        const auto until = std::chrono::steady_clock::now() + flight_patience;
        while (!shared->done && std::chrono::steady_clock::now() < until)
            co_await answers_.wait(id.str(), until);
        if (shared->error)
            std::rethrow_exception(shared->error);
        co_return shared->answered;
    }
    const auto mine = std::make_shared<flight>();
    flights_.emplace(id.str(), mine);
    try {
        mine->answered = co_await ask_alone(id, source, std::move(context));
    } catch (...) {
        mine->error = std::current_exception();
    }
    mine->done = true;
    flights_.erase(id.str());
    answers_.wake(id.str());
    if (mine->error)
        std::rethrow_exception(mine->error);
    co_return mine->answered;
}

/// The order is read before Clink is asked: an answer is applied only to the state that it was asked on, so
/// an old answer never undoes a newer one.
asio::awaitable<bool> session_settler::ask_alone(clink_session_id id, evidence source, call_context context) {
    for (int attempt = 1; attempt <= settle_tries; ++attempt) {
        const auto order = co_await orders_.find_order_of(id);
        const auto* session = order ? order->find_session(id) : nullptr;
        if (session == nullptr)
            co_return false;
        std::string body;
        const auto word = co_await hear(id, order->id, context.traceparent, body);
        if (!word)
            co_return false;
        auto change = settle(*order, *session, *word, source);
        if (!change.changes()) {
            co_await settlements_.note_check(order->key, std::move(change), context.request_id);
            co_return true;
        }
        bool in_doubt = false;
        settlement_evidence found{.clink_body = body, .request_id = context.request_id};
        try {
            if (co_await settlements_.apply(order->key, order->version, std::move(change), std::move(found)))
                co_return true;
        } catch (const write_in_doubt&) {
            in_doubt = true; // settled again from what is then on record
        }
        if (in_doubt && attempt == settle_tries)
            throw database_unavailable("it is not known whether a settlement was written");
    }
    throw database_unavailable("a settlement found the order changed every time");
}

asio::awaitable<std::optional<clink_word>> session_settler::hear(clink_session_id id, merchant_order_id order,
                                                                 std::string traceparent, std::string& body) {
    auto exchange = co_await clink_.get_session(id, traceparent);
    if (!is_an_answer(exchange, id)) {
        write_log(log_level::warning, "clink_session_not_answered",
                  {{"outcome", to_string(exchange.report.outcome)}, {"detail", exchange.report.detail}});
        co_return std::nullopt;
    }
    body = std::move(exchange.report.sanitised_body);
    clink_word word{.session = std::move(*exchange.answer), .orders = {}};
    if (word.session.payment_status == clink_payment_status::paid)
        co_await hear_orders(word, std::move(order), std::move(traceparent));
    co_return word;
}

/// The order behind a payment: its amounts where the session has none, and its time. Unanswered, the payment
/// stands on the session's word, and what is missing is asked for again later.
asio::awaitable<void> session_settler::hear_orders(clink_word& word, merchant_order_id order,
                                                   std::string traceparent) {
    if (word.session.order_id) {
        auto exchange = co_await clink_.get_order(*word.session.order_id, std::move(traceparent));
        if (exchange.answer && exchange.answer->order_id == *word.session.order_id)
            word.orders.push_back(std::move(*exchange.answer));
        co_return;
    }
    auto exchange = co_await clink_.list_orders(std::move(order), 1, order_page_size, std::move(traceparent));
    if (!exchange.answer)
        co_return;
    for (auto& row : exchange.answer->orders)
        if (row.session_id == word.session.session_id)
            word.orders.push_back(std::move(row));
}

} // namespace checkout
