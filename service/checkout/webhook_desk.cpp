#include "checkout/webhook_desk.h"

#include "checkout/account_answer.h"
#include "checkout/failure_log.h"
#include "observe/crash_point.h"
#include "observe/metrics.h"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <utility>

namespace checkout {

namespace asio = boost::asio;

namespace {

instant now_here() {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

/// What the event says of a payment is on record by now.
bool is_confirmed(const webhook_event& event, const order_record& order) {
    if (!event.claims_payment())
        return true;
    const auto claimed = event.order_id();
    const auto session = event.session_id();
    return std::ranges::any_of(order.payments, [&](const payment_record& p) {
        if (event.order && claimed)
            return p.order_id == claimed;
        const auto* paid = order.find_session(p.attempt);
        return session && paid != nullptr && paid->session_id == session;
    });
}

/// Clink could say nothing about this event that is not on record.
bool is_known(const webhook_event& event, const order_record& order) {
    const auto id = event.session_id();
    const auto* session = id ? order.find_session(*id) : nullptr;
    return session != nullptr && session->ended_at && event.claims_payment() && is_confirmed(event, order)
           && knows_payments(order, session->id);
}

std::string_view name_receipt(const webhook_event& event, webhook_authenticity verdict, bool first) {
    if (verdict == webhook_authenticity::late)
        return "late";
    if (!first)
        return "duplicate";
    return event.subject == webhook_subject::unrecognised ? "not_understood" : "accepted";
}

constexpr const char* not_handled = "webhook_not_handled";

} // namespace

/// What handling an event came to.
struct webhook_desk::handling {
    enum class kind { done, again, orphan };
    kind result = kind::again;
    std::string outcome; ///< for the inbox row, in a word or few
    std::optional<order_key> order;
    question_result asked;
};

/// One of the events that are handled at the same time; false when there was no room.
class webhook_desk::slot {
public:
    explicit slot(std::size_t& in_flight) : in_flight_(in_flight < max_in_flight ? &in_flight : nullptr) {
        if (in_flight_ != nullptr)
            ++*in_flight_;
    }
    slot(slot&& other) noexcept : in_flight_(std::exchange(other.in_flight_, nullptr)) {}
    slot& operator=(slot&&) = delete;
    ~slot() {
        if (in_flight_ != nullptr)
            --*in_flight_;
    }
    explicit operator bool() const { return in_flight_ != nullptr; }

private:
    std::size_t* in_flight_;
};

webhook_desk::webhook_desk(asio::any_io_executor executor, order_store& orders, webhook_store& inbox,
                           refund_store& refunds, session_settler& sessions, attempt_search& search,
                           refund_settler& refund_questions, check_policy policy, webhook_options options)
    : executor_(std::move(executor)),
      orders_(orders),
      inbox_(inbox),
      refunds_(refunds),
      sessions_(sessions),
      search_(search),
      refund_questions_(refund_questions),
      policy_(std::move(policy)),
      options_(std::move(options)) {}

asio::awaitable<webhook_receipt> webhook_desk::receive(webhook_headers headers, std::string body,
                                                       call_context context) {
    const auto check = check_webhook(headers, body, options_.signing_keys, options_.tolerance, now_here());
    if (check.verdict == webhook_authenticity::forged) {
        metrics().webhooks.add({"bad_signature"});
        co_return webhook_receipt{};
    }
    const auto event = read_webhook_event(body);
    auto answer = co_await write_answer(event);
    received_webhook received{.event_id = event.id,
                              .type = event.type,
                              .body = std::move(body),
                              .signed_at = check.signed_at,
                              .late = check.verdict == webhook_authenticity::late,
                              .answer = std::move(answer),
                              .request_id = std::move(context.request_id)};
    slot mine(in_flight_);
    auto kept = co_await inbox_.keep(std::move(received), mine ? options_.lease : std::chrono::seconds(0));
    crash_point("webhook.kept");
    metrics().webhooks.add({name_receipt(event, check.verdict, kept.first)});
    if (kept.first && mine)
        start(std::move(kept.webhook), std::move(mine));
    co_return webhook_receipt{check.verdict, std::move(kept.answer)};
}

/// In the background. An event that found no room is due at once, one whose handling fails when its lease is
/// over.
void webhook_desk::start(kept_webhook webhook, slot mine) {
    auto work = begin_span(webhook);
    auto context = work.context();
    asio::co_spawn(
        executor_, handle(std::move(webhook), std::move(context)),
        [held = std::move(mine), work = std::move(work)](std::exception_ptr error, question_result) mutable {
            if (!error)
                return;
            work.fail("exception");
            log_failure(not_handled, error, work.context());
        });
}

span webhook_desk::begin_span(const kept_webhook& webhook) const {
    return options_.tracing.begin_root(span_kind::internal, "handle webhook",
                                       {.request_id = webhook.request_id, .trace = {}});
}

asio::awaitable<question_result> webhook_desk::handle(kept_webhook webhook, call_context context) {
    const auto event = read_webhook_event(webhook.body);
    handling came_to;
    try {
        came_to = co_await ask(event, webhook, context);
    } catch (...) {
        const auto failure = std::current_exception();
        if (is_passing(failure))
            throw;
        log_failure(not_handled, failure, context);
        came_to = {handling::kind::orphan, "failed", {}, {}};
    }
    crash_point("webhook.settled");
    const auto asked = came_to.asked;
    const auto next =
        find_next_webhook_try(webhook.received_at, std::max(now_here(), webhook.read_at), policy_);
    switch (came_to.result) {
    case handling::kind::done:
        co_await inbox_.finish(std::move(webhook), event.type, std::move(came_to.outcome), came_to.order);
        break;
    case handling::kind::again:
        if (handing_over_) {
            co_await inbox_.give_back(webhook.id);
            break;
        }
        if (next) {
            co_await inbox_.postpone(webhook.id, std::move(came_to.outcome), *next);
            break;
        }
        [[fallthrough]];
    case handling::kind::orphan:
        co_await inbox_.park(std::move(webhook), event.type, std::move(came_to.outcome), came_to.order, next);
        break;
    }
    co_return asked;
}

asio::awaitable<std::optional<std::string>> webhook_desk::write_answer(const webhook_event& event) {
    if (!options_.account_website || !event.account)
        co_return std::nullopt;
    const auto session = event.session_id();
    const auto reference = event.reference();
    std::optional<order_record> order;
    if (session)
        order = co_await orders_.find_order_of(*session);
    if (!order && reference)
        order = co_await orders_.find_order(merchant_order_id(*reference));
    if (!order)
        co_return std::nullopt;
    co_return write_account_answer(*event.account, *options_.account_website, *order, session);
}

asio::awaitable<webhook_desk::handling> webhook_desk::ask(const webhook_event& event,
                                                          const kept_webhook& webhook, call_context context) {
    switch (event.subject) {
    case webhook_subject::session:
    case webhook_subject::order:
        co_return co_await ask_about_payment(event, std::move(context));
    case webhook_subject::refund:
        co_return co_await ask_about_refund(event, webhook, std::move(context));
    case webhook_subject::dispute: {
        const auto said_at = event.created.value_or(webhook.received_at);
        const auto order = co_await refunds_.record_dispute(*event.dispute, said_at, webhook.request_id);
        const auto kind = order ? handling::kind::done : handling::kind::orphan;
        co_return handling{kind, order ? "recorded" : "unknown order", order, {}};
    }
    case webhook_subject::other:
        co_return handling{handling::kind::done, "not about a checkout", {}, {}};
    case webhook_subject::unrecognised:
        break;
    }
    co_return handling{handling::kind::orphan, "not understood", {}, {}};
}

asio::awaitable<webhook_desk::handling> webhook_desk::ask_about_payment(const webhook_event& event,
                                                                        call_context context) {
    handling found;
    auto order = co_await find_order(event, context, found.asked);
    if (!order) {
        const bool owed = found.asked.outcome == question_outcome::unreachable
                          || found.asked.outcome == question_outcome::incomplete;
        found.result = owed ? handling::kind::again : handling::kind::orphan;
        found.outcome = owed ? "Clink did not answer" : "unknown session";
        co_return found;
    }
    found.order = order->key;
    if (is_known(event, *order)) {
        found.result = handling::kind::done;
        found.outcome = "known already";
        co_return found;
    }
    const auto session = event.session_id();
    if (session && order->find_session(*session) != nullptr) {
        const auto asked = co_await sessions_.ask(*session, evidence::webhook, context, event.order_id());
        found.asked.calls += asked.calls;
        found.asked.outcome = asked.outcome;
        order = co_await orders_.find_order_of(*session);
    }
    if (found.asked.outcome != question_outcome::answered) {
        found.outcome = "Clink did not answer";
        co_return found;
    }
    const bool confirmed = order && is_confirmed(event, *order);
    found.result = confirmed ? handling::kind::done : handling::kind::again;
    found.outcome = confirmed ? "settled" : "not confirmed by Clink";
    co_return found;
}

/// By the session; one that nobody knows may be that of an attempt whose answer was lost.
asio::awaitable<std::optional<order_record>>
webhook_desk::find_order(const webhook_event& event, call_context context, question_result& asked) {
    asked.outcome = question_outcome::answered;
    const auto session = event.session_id();
    if (session)
        if (auto order = co_await orders_.find_order_of(*session))
            co_return order;
    const auto reference = event.reference();
    if (!reference)
        co_return std::nullopt;
    search_hint hint{.session_id = session, .order_id = event.order_id()};
    asked =
        co_await search_.search(merchant_order_id(*reference), evidence::webhook, context, std::move(hint));
    if (asked.outcome != question_outcome::answered)
        co_return std::nullopt;
    if (session)
        co_return co_await orders_.find_order_of(*session);
    const auto paid = event.order_id();
    if (!paid)
        co_return std::nullopt;
    co_return co_await orders_.find_order_of(*paid);
}

asio::awaitable<webhook_desk::handling> webhook_desk::ask_about_refund(const webhook_event& event,
                                                                       const kept_webhook& webhook,
                                                                       call_context context) {
    const auto result = co_await refund_questions_.ask(event.refund->refund_id, webhook.received_at,
                                                       evidence::webhook, std::move(context));
    handling found{handling::kind::again, "Clink did not answer", result.order, result.asked};
    if (result.asked.outcome == question_outcome::answered) {
        found.result = handling::kind::done;
        found.outcome = result.order ? "settled" : "refund of an unknown order";
    }
    co_return found;
}

} // namespace checkout
