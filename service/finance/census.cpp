#include "finance/census.h"

#include "checkout/page_walk.h"
#include "crypto/digest.h"
#include "finance/certificate.h"
#include "observe/log.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace checkout {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto too_old = 24h;      ///< answers of two days make no certificate
constexpr int usual_calls = 4;     ///< to Clink, about an order
constexpr int tries = 3;           ///< until an order counts as not answered
constexpr int patience = 20;       ///< orders of which Clink says nothing at all, until one try must do
constexpr auto pause_between = 2s; ///< tries
constexpr auto look_interval = 100ms;
constexpr auto wait_for_others = 500ms;

/// Something of Clink's may belong to an attempt whose session is not known, or to none.
bool needs_search(const order_record& order, const std::vector<order_facts>& rows) {
    return std::ranges::any_of(order.sessions, is_unreleased)
           || std::ranges::any_of(rows, [&](const order_facts& row) {
                  return was_paid(row.status) && !is_recorded(order, row.order_id);
              });
}

bool lies_in(const census_scope& scope, const order_facts& row) {
    return !row.payment_time || (*row.payment_time >= scope.from && *row.payment_time < scope.to);
}

call_context new_origin() {
    return {.request_id = make_uuid_v7(), .trace = {}};
}

listed_order listed(const order_facts& row) {
    listed_order order{.id = row.order_id,
                       .reference = {},
                       .session_id = row.session_id,
                       .currency = row.payment_currency,
                       .amount = row.amount_total};
    if (row.merchant_reference_id)
        order.reference = merchant_order_id(*row.merchant_reference_id);
    return order;
}

} // namespace

census::census(asio::any_io_executor executor, census_parts parts, census_options options)
    : executor_(std::move(executor)),
      with_(parts),
      options_(std::move(options)),
      rate_(options_.max_per_second),
      timer_(executor_) {}

asio::awaitable<std::string> census::run(census_scope scope) {
    record_ = co_await with_.censuses.begin(scope, too_old);
    write_log(log_level::info, record_.taken_up ? "census_taken_up" : "census_started",
              {{"census", static_cast<std::int64_t>(record_.id)},
               {"orders", record_.order_count},
               {"since", to_rfc3339(record_.started_at)}});
    if (scope.whole_list)
        co_await walk_list(scope);
    co_await ask_about_orders();
    if (stopping_)
        throw census_stopped("the census was stopped; the next run with the same range goes on with it");
    if (const auto sums = co_await with_.censuses.add_up(record_.id)) {
        record_.order_count = sums->orders;
        co_await with_.censuses.finish(record_.id, write_certificate(scope, record_, *sums));
    }
    const auto certificate = co_await with_.censuses.find_certificate(record_.id);
    if (!certificate)
        throw std::runtime_error("the census was abandoned by a newer one of the same scope");
    co_return *certificate;
}

void census::stop() {
    stopping_ = true;
    timer_.cancel();
}

/// After a stop a page is walked again. A list that does not answer is left, and the certificate says so.
asio::awaitable<void> census::walk_list(const census_scope& scope) {
    const auto at = co_await with_.censuses.look(record_.id);
    page_walk walk(clink_questions::order_page_size, std::max(1, at.list_page - 1));
    int failures = 0;
    while (!at.list_done && !walk.done() && failures < tries && !stopping_) {
        while (rate_.available(question_rate::clock::now()) == 0)
            co_await rest(look_interval);
        const auto work = options_.tracing.begin_root(span_kind::internal, "reconcile page", new_origin());
        auto heard = co_await with_.questions.hear_page(walk.page(), work.context());
        rate_.charge(heard.result.calls);
        if (heard.result.outcome != question_outcome::answered) {
            ++failures;
            co_await rest(pause_between);
            continue;
        }
        failures = 0;
        options_.show("page " + std::to_string(walk.page()) + " of Clink's order list");
        walk.saw(heard.orders.size(), heard.total);
        co_await take_in(scope, std::move(heard.orders));
        co_await with_.censuses.note_page(record_.id,
                                          walk.done() ? std::nullopt : std::optional(walk.page()));
    }
}

/// Those that name an order on record are asked about with it.
asio::awaitable<void> census::take_in(const census_scope& scope, std::vector<order_facts> rows) {
    std::vector<listed_order> paid;
    for (const auto& row : rows)
        if (was_paid(row.status) && lies_in(scope, row))
            paid.push_back(listed(row));
    const auto unrecorded = co_await with_.censuses.find_unrecorded(std::move(paid));
    for (const auto& order : unrecorded) {
        if (order.reference)
            co_await with_.censuses.add_order(record_.id, *order.reference);
        else
            co_await with_.censuses.record_stray(record_.id, order, make_uuid_v7());
    }
}

asio::awaitable<void> census::ask_about_orders() {
    while (true) {
        const bool started = co_await start_some();
        if (failure_)
            std::rethrow_exception(failure_);
        if (started || in_flight_ > 0) {
            co_await rest(started ? 0ms : look_interval);
            continue;
        }
        if (stopping_)
            co_return;
        const auto left = co_await with_.censuses.look(record_.id);
        if (left.open == 0)
            co_return;
        co_await rest(wait_for_others);
    }
}

/// As many as the rate has room for.
asio::awaitable<bool> census::start_some() {
    const int allowed = rate_.available(question_rate::clock::now());
    const int room =
        std::min(orders_at_once - in_flight_, allowed == 0 ? 0 : std::max(1, allowed / usual_calls));
    if (room <= 0 || stopping_)
        co_return false;
    auto claimed = co_await with_.censuses.claim(record_.id, room, options_.lease);
    for (auto& order : claimed) {
        if (stopping_) {
            co_await with_.censuses.give_back(record_.id, order.key);
            continue;
        }
        rate_.charge(usual_calls);
        ++in_flight_;
        asio::co_spawn(executor_, ask_about(std::move(order)), asio::detached);
    }
    co_return !claimed.empty();
}

/// One order that cannot be settled does not keep the others from their certificate; a database that is away
/// does.
asio::awaitable<void> census::ask_about(claimed_order order) {
    auto work = options_.tracing.begin_root(span_kind::internal, "reconcile order", new_origin());
    try {
        std::string fault;
        try {
            const int calls = co_await take(order, work.context());
            rate_.charge(calls - usual_calls);
            ++done_here_;
        } catch (const std::exception& error) {
            fault = error.what();
        }
        if (!fault.empty()) {
            work.fail("exception");
            co_await put_off(std::move(order), std::move(fault), work.context());
        }
        options_.show(std::to_string(done_here_) + " of " + std::to_string(record_.order_count) + " orders");
    } catch (...) {
        failure_ = std::current_exception();
    }
    --in_flight_;
    timer_.cancel();
}

asio::awaitable<void> census::put_off(claimed_order order, std::string fault, call_context context) {
    write_log(log_level::warning, "census_order_failed", context,
              {{"census", static_cast<std::int64_t>(record_.id)}, {"tries", order.tries}, {"detail", fault}});
    if (stopping_) {
        co_await with_.censuses.give_back(record_.id, order.key);
        co_return;
    }
    if (order.tries < tries) {
        co_await with_.censuses.postpone(record_.id, order.key, pause_between);
        co_return;
    }
    order_census unknown;
    unknown.lines.emplace_back();
    co_await with_.censuses.record(record_.id, order.key, std::move(unknown), context.request_id);
}

/// How many calls to Clink it took.
asio::awaitable<int> census::take(claimed_order claimed, call_context context) {
    census_answers said;
    auto listed_rows = co_await with_.questions.hear_orders(claimed.id, context);
    int calls = listed_rows.result.calls;
    said.listed = listed_rows.result.outcome == question_outcome::answered && listed_rows.whole;
    said.orders = std::move(listed_rows.orders);
    auto order = co_await with_.orders.find_whole_order(claimed.id);
    calls += co_await ask_sessions(order.value(), said, context);
    if (!said.unreachable)
        calls += co_await ask_refunds(order.value(), context);
    order = co_await with_.orders.find_whole_order(claimed.id);
    if (!said.unreachable && needs_search(order.value(), said.orders)) {
        search_hint none;
        const auto searched =
            co_await with_.search.search(claimed.id, evidence::reconcile, context, std::move(none));
        calls += searched.calls;
        said.listed = said.listed && searched.outcome == question_outcome::answered;
        order = co_await with_.orders.find_whole_order(claimed.id);
    }
    if (!said.unreachable)
        calls += co_await ask_for_missing(order.value(), said, context);
    auto found = take_census(order.value(), said);
    silent_in_a_row_ = said.unreachable ? silent_in_a_row_ + 1 : 0;
    if (stopping_ && !found.answered())
        co_await with_.censuses.give_back(record_.id, claimed.key);
    else if (found.answered() || claimed.tries >= tries || silent_in_a_row_ > patience)
        co_await with_.censuses.record(record_.id, claimed.key, std::move(found), context.request_id);
    else
        co_await with_.censuses.postpone(record_.id, claimed.key, pause_between);
    co_return calls;
}

asio::awaitable<int> census::ask_sessions(const order_record& order, census_answers& said,
                                          call_context context) {
    int calls = 0;
    for (const auto& session : order.sessions) {
        if (!session.session_id)
            continue;
        if (said.unreachable) {
            said.silent_sessions.insert(*session.session_id);
            continue;
        }
        const auto asked = co_await with_.sessions.ask(*session.session_id, evidence::reconcile, context);
        calls += asked.calls;
        said.unreachable = !said.listed && asked.outcome == question_outcome::unreachable;
        if (asked.outcome == question_outcome::absent)
            said.absent_sessions.insert(*session.session_id);
        else if (asked.outcome != question_outcome::answered)
            said.silent_sessions.insert(*session.session_id);
    }
    co_return calls;
}

/// Those on record that had not ended.
asio::awaitable<int> census::ask_refunds(const order_record& order, call_context context) {
    int calls = 0;
    for (const auto& refund : order.refunds) {
        if (is_final(refund.status))
            continue;
        const auto asked =
            co_await with_.refunds.ask(refund.clink_id, refund.recorded_at, evidence::reconcile, context);
        calls += asked.asked.calls;
    }
    co_return calls;
}

/// Payments that the list by reference does not have, or had before they were paid.
asio::awaitable<int> census::ask_for_missing(const order_record& order, census_answers& said,
                                             call_context context) {
    int calls = 0;
    for (const auto& payment : order.payments) {
        if (!payment.order_id)
            continue;
        const auto listed = std::ranges::find(said.orders, *payment.order_id, &order_facts::order_id);
        if (listed != said.orders.end()) {
            if (was_paid(listed->status))
                continue;
            said.orders.erase(listed);
        }
        auto heard = co_await with_.questions.hear_order(*payment.order_id, context);
        calls += heard.result.calls;
        if (heard.order)
            said.orders.push_back(std::move(*heard.order));
        else if (heard.result.outcome == question_outcome::absent)
            said.absent_orders.insert(*payment.order_id);
    }
    co_return calls;
}

/// Ended early when an order is done.
asio::awaitable<void> census::rest(std::chrono::milliseconds pause) {
    timer_.expires_after(pause);
    boost::system::error_code woken;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

} // namespace checkout
