#include "checkout/clink_questions.h"

#include "checkout/page_walk.h"
#include "observe/log.h"
#include "json/json.h"

#include <algorithm>
#include <utility>

namespace checkout {

namespace asio = boost::asio;

namespace {

constexpr int max_order_pages = 20; ///< of one reference: a thousand orders

/// An answer about another session, or in a word for the payment that this service does not know, says
/// nothing.
bool is_an_answer(const clink_exchange<session_facts>& exchange, const clink_session_id& id) {
    return exchange.answer && exchange.answer->session_id == id
           && exchange.answer->payment_status != clink_payment_status::unrecognised;
}

/// Clink's spelling of it is not documented (clink-api.md 12.2): a code or a name. It must be in Clink's
/// envelope: a 404 of something between here and Clink says nothing.
bool says_absent(const exchange_report& report) {
    const auto body = parse_json(report.sanitised_body);
    const auto* code = body ? body->find("code") : nullptr;
    if (code == nullptr || code->if_number() == nullptr)
        return false;
    std::string message = report.message.value_or("");
    std::ranges::transform(message, message.begin(), [](char c) {
        return c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return code->if_number()->token == "404" || message.find("not found") != std::string::npos;
}

bool has_order(const std::vector<order_facts>& orders, const clink_order_id& id) {
    return std::ranges::find(orders, id, &order_facts::order_id) != orders.end();
}

} // namespace

question_outcome outcome_of(const exchange_report& report) {
    switch (report.outcome) {
    case exchange_outcome::accepted:
        return question_outcome::refused;
    case exchange_outcome::refused:
        break;
    case exchange_outcome::never_sent:
    case exchange_outcome::unknown:
        return question_outcome::unreachable;
    }
    const int status = said_status(report);
    const bool nothing_is_answered = status == 401 || status == 403 || status == 429;
    if (nothing_is_answered)
        return question_outcome::unreachable;
    if (says_absent(report))
        return question_outcome::absent;
    // Code 500 under HTTP 200 may be a fault of Clink's or its word on this question: it teaches nothing.
    return status >= 500 || status == 408 ? question_outcome::unreachable : question_outcome::refused;
}

asio::awaitable<heard_session> clink_questions::hear_session(clink_session_id id, merchant_order_id reference,
                                                             std::optional<clink_order_id> hint,
                                                             order_scope scope, call_context context) {
    heard_session heard;
    auto exchange = co_await clink_.get_session(id, context);
    heard.result.calls = 1;
    if (!is_an_answer(exchange, id)) {
        heard.result.outcome = outcome_of(exchange.report);
        write_log(log_level::warning, "clink_session_not_answered", context,
                  {{"outcome", to_string(exchange.report.outcome)}, {"detail", exchange.report.detail}});
        co_return heard;
    }
    heard.result.outcome = question_outcome::answered;
    heard.body = std::move(exchange.report.sanitised_body);
    heard.word.emplace();
    heard.word->session = std::move(*exchange.answer);
    auto& word = *heard.word;
    const bool paid = word.session.payment_status == clink_payment_status::paid;
    const auto named = paid ? word.session.order_id : std::nullopt;
    const bool all = scope == order_scope::all && word.session.status != clink_session_status::open;
    if (named)
        heard.result.calls += co_await add_order(word, *named, context);
    if (all || (paid && !named))
        heard.result.calls += co_await add_listed_orders(word, std::move(reference), context);
    if (hint && !has_order(word.orders, *hint))
        heard.result.calls += co_await add_order(word, *hint, std::move(context));
    co_return heard;
}

/// A subscription has many orders and names one; the list has them all, so that the first is told from
/// renewals. A session that names one that was paid, or none, may have others that were.
asio::awaitable<int> clink_questions::add_listed_orders(clink_word& word, merchant_order_id reference,
                                                        call_context context) {
    auto listed = co_await hear_orders(std::move(reference), std::move(context));
    for (auto& row : listed.orders)
        if (row.session_id == word.session.session_id && !has_order(word.orders, row.order_id))
            word.orders.push_back(std::move(row));
    co_return listed.result.calls;
}

asio::awaitable<int> clink_questions::add_order(clink_word& word, clink_order_id order,
                                                call_context context) {
    auto heard = co_await hear_order(std::move(order), std::move(context));
    if (heard.order)
        word.orders.push_back(std::move(*heard.order));
    co_return heard.result.calls;
}

asio::awaitable<heard_order> clink_questions::hear_order(clink_order_id order, call_context context) {
    auto exchange = co_await clink_.get_order(order, std::move(context));
    heard_order heard;
    heard.result.calls = 1;
    if (exchange.answer && exchange.answer->order_id == order) {
        heard.result.outcome = question_outcome::answered;
        heard.order = std::move(exchange.answer);
    } else {
        heard.result.outcome = outcome_of(exchange.report);
    }
    co_return heard;
}

asio::awaitable<heard_orders> clink_questions::hear_orders(merchant_order_id reference,
                                                           call_context context) {
    heard_orders heard;
    page_walk walk(order_page_size);
    for (int pages = 0; pages < max_order_pages && !walk.done(); ++pages) {
        auto exchange = co_await clink_.list_orders(reference, walk.page(), order_page_size, context);
        ++heard.result.calls;
        if (!exchange.answer) {
            heard.result.outcome = outcome_of(exchange.report);
            co_return heard;
        }
        walk.saw(exchange.answer->orders.size(), exchange.answer->total);
        for (auto& row : exchange.answer->orders)
            if (row.merchant_reference_id == reference.str() && !has_order(heard.orders, row.order_id))
                heard.orders.push_back(std::move(row));
    }
    heard.result.outcome = question_outcome::answered;
    heard.whole = walk.done();
    co_return heard;
}

asio::awaitable<heard_page> clink_questions::hear_page(int page, call_context context) {
    auto exchange = co_await clink_.list_all_orders(page, order_page_size, std::move(context));
    heard_page heard;
    heard.result.calls = 1;
    if (!exchange.answer) {
        heard.result.outcome = outcome_of(exchange.report);
        co_return heard;
    }
    heard.result.outcome = question_outcome::answered;
    heard.orders = std::move(exchange.answer->orders);
    heard.total = exchange.answer->total;
    co_return heard;
}

} // namespace checkout
