#include "checkout/checkout_creator.h"

#include "checkout/attempt_ends.h"
#include "crypto/digest.h"
#include "observe/crash_point.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace checkout {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto lease_margin = 5s;   ///< contract section 2: a lease is CLINK_TIMEOUT_MS + 5 s
constexpr auto wait_margin = 1s;    ///< waiters wait CLINK_TIMEOUT_MS + 1 s
constexpr auto look_again = 1s;     ///< for a winner in another replica whose notification was lost
constexpr int decision_tries = 16;  ///< against others who change the same order
constexpr auto write_pause = 250ms; ///< while the database is away for a moment

failure in_progress_failure() {
    return make_failure(errc::creation_in_progress, "Another request is still creating the session.", 1s);
}

begun_attempt find_begun(const order_record& order, const attempt_id& id) {
    const auto& session = *order.find_session(id);
    return {.order = order.key, .id = id, .attempt = session.attempt, .generation = session.generation};
}

std::string key_of(order_key order) {
    return std::to_string(static_cast<std::int64_t>(order));
}

/// The failed winner's answer for the same request; nothing when the order is to be decided on anew.
std::optional<failure> what_came_of(const order_record& order, const session_record& winner,
                                    const std::string& fingerprint) {
    if (winner.terms_fingerprint != fingerprint || order.cancelled_at || order.payment_count > 0)
        return std::nullopt;
    return failure_of_attempt(winner);
}

/// Before another try at the database; when the lease would end meanwhile, throws `error` instead.
asio::awaitable<void> pause_within_lease(std::chrono::steady_clock::time_point lease_until,
                                         std::exception_ptr error) {
    if (std::chrono::steady_clock::now() + write_pause > lease_until)
        std::rethrow_exception(error);
    asio::steady_timer timer(co_await asio::this_coro::executor, write_pause);
    co_await timer.async_wait(asio::use_awaitable);
}

} // namespace

struct checkout_creator::job {
    merchant_order_id order_id;
    checkout_terms terms;
    create_intent intent;
    call_context context;
    std::chrono::steady_clock::time_point lease_until; ///< not after the database's
};

checkout_creator::checkout_creator(asio::any_io_executor executor, order_store& orders,
                                   attempt_store& attempts, session_settler& settler, clink_client& clink,
                                   const redirect_signer* signer, creator_options options)
    : orders_(orders),
      attempts_(attempts),
      settler_(settler),
      clink_(clink),
      signer_(signer),
      options_(std::move(options)),
      finished_(executor) {}

asio::awaitable<result<checkout_page>> checkout_creator::create(merchant_order_id order_id,
                                                                checkout_terms terms, bool supersede,
                                                                call_context context) {
    auto recorded = record(terms);
    auto print = fingerprint(recorded);
    job work{
        .order_id = std::move(order_id),
        .terms = std::move(terms),
        .intent = {.terms = std::move(recorded), .fingerprint = std::move(print), .supersede = supersede},
        .context = std::move(context),
        .lease_until = lease_end()};
    const auto begun = co_await begin_first(make_intent(work));
    if (begun)
        co_return co_await finish(std::move(work), *begun, std::nullopt);
    co_return co_await continue_order(std::move(work));
}

/// The order exists: decide, do, and decide again when it changed meanwhile.
asio::awaitable<result<checkout_page>> checkout_creator::continue_order(job work) {
    const auto until = std::chrono::steady_clock::now() + options_.clink_timeout + wait_margin;
    std::optional<asked_session> asked;
    for (int changed = 0; changed < decision_tries;) {
        const auto order = co_await orders_.find_order(work.order_id);
        if (!order)
            throw database_unavailable("an order that exists was not found");
        const auto decision = decide_create(*order, work.intent, asked);
        if (const auto* refused = std::get_if<failure>(&decision))
            co_return *refused;
        if (const auto* replay = std::get_if<replay_session>(&decision))
            co_return checkout_page{order->id, *order->find_session(replay->attempt), true};
        if (const auto* ask = std::get_if<ask_clink_first>(&decision)) {
            const auto session = order->find_session(ask->attempt)->session_id.value();
            const auto answered = co_await settler_.ask(session, evidence::refresh, work.context);
            asked = asked_session{ask->attempt, answered.outcome == question_outcome::answered};
            continue;
        }
        if (const auto* wait = std::get_if<wait_for_winner>(&decision)) {
            if (auto failed = co_await wait_for(work, order->key, wait->attempt, until))
                co_return std::move(*failed);
            continue;
        }
        const auto& begin = std::get<begin_attempt>(decision);
        const next_attempt next{.order = order->key,
                                .version = order->version,
                                .attempt = begin.attempt,
                                .lapsed = begin.lapsed,
                                .supersedes = begin.supersedes};
        work.lease_until = lease_end();
        const auto begun = co_await begin_next(make_intent(work), next);
        if (begun)
            co_return co_await finish(std::move(work), *begun, begin.supersedes);
        ++changed;
    }
    co_return in_progress_failure();
}

/// A COMMIT whose answer was lost is read back: the attempt is there or it is not.
asio::awaitable<std::optional<begun_attempt>> checkout_creator::begin_first(attempt_intent intent) {
    const auto id = intent.id;
    try {
        co_return co_await attempts_.begin_first(std::move(intent));
    } catch (const write_in_doubt&) {
    }
    const auto order = co_await orders_.find_order_of(id);
    if (!order)
        throw database_unavailable("the intent was not written");
    co_return find_begun(*order, id);
}

asio::awaitable<std::optional<begun_attempt>> checkout_creator::begin_next(attempt_intent intent,
                                                                           next_attempt next) {
    const auto id = intent.id;
    try {
        co_return co_await attempts_.begin_next(std::move(intent), std::move(next));
    } catch (const write_in_doubt&) {
    }
    const auto order = co_await orders_.find_order_of(id);
    if (!order)
        throw database_unavailable("the intent was not written");
    co_return find_begun(*order, id);
}

/// Nothing: decide again. A failure: the winner's own, or that it took too long.
asio::awaitable<std::optional<failure>>
checkout_creator::wait_for(job work, order_key order, attempt_id winner,
                           std::chrono::steady_clock::time_point until) {
    const auto key = key_of(order);
    const bool own = in_flight_.contains(winner);
    if (own)
        co_await finished_.wait(key, until);
    else
        co_await ask_to_be_told(winner);
    while (true) {
        const auto now = co_await orders_.find_order(work.order_id);
        const auto* session = now ? now->find_session(winner) : nullptr;
        if (session == nullptr || session->lease_expired)
            co_return std::nullopt;
        if (session->status != session_status::creating)
            co_return what_came_of(*now, *session, work.intent.fingerprint);
        if (turning_away_ || std::chrono::steady_clock::now() >= until)
            break;
        co_await finished_.wait(key, std::min(until, std::chrono::steady_clock::now() + look_again));
    }
    co_return in_progress_failure();
}

/// Whether that was written does not matter much: the record is looked at again anyway.
asio::awaitable<void> checkout_creator::ask_to_be_told(attempt_id winner) {
    try {
        co_await attempts_.await(std::move(winner));
    } catch (const write_in_doubt&) {
    }
}

/// The attempt is ours, its intent committed: whatever happens, those who wait for it are told.
asio::awaitable<result<checkout_page>> checkout_creator::finish(job work, begun_attempt attempt,
                                                                std::optional<attempt_id> supersedes) {
    const auto id = attempt.id;
    const auto key = key_of(attempt.order);
    in_flight_.insert(id);
    const gauge_hold held(metrics().creates_in_flight);
    std::exception_ptr error;
    std::optional<result<checkout_page>> answer;
    try {
        answer = co_await ask_clink(std::move(work), attempt, std::move(supersedes));
    } catch (...) {
        error = std::current_exception();
    }
    in_flight_.erase(id);
    finished_.wake(key);
    if (error)
        std::rethrow_exception(error);
    co_return std::move(*answer);
}

asio::awaitable<result<checkout_page>> checkout_creator::ask_clink(job work, begun_attempt attempt,
                                                                   std::optional<attempt_id> supersedes) {
    crash_point("create.begun");
    auto exchange = co_await clink_.create_session(make_command(work, attempt.id));
    crash_point("create.answered");
    auto record = make_record(exchange.report, work.context);
    write_log(exchange.answer ? log_level::debug : log_level::warning, "clink_create", work.context,
              {{"attempt_id", attempt.id.str()},
               {"outcome", to_string(exchange.report.outcome)},
               {"duration_ms", static_cast<std::int64_t>(exchange.report.duration.count())},
               {"detail", exchange.report.detail}});
    switch (exchange.report.outcome) {
    case exchange_outcome::accepted:
        co_return co_await release(std::move(work), attempt, std::move(*exchange.answer),
                                   std::move(supersedes), std::move(record));
    case exchange_outcome::refused:
    case exchange_outcome::never_sent: {
        const auto end = refused_end(exchange.report);
        metrics().attempts.add({"refused"});
        co_await close(work, attempt, end, std::move(record));
        auto failed = failure_of_refusal({end.refusal_code.value_or(""), end.refusal_message.value_or("")});
        if (failed.code == errc::clink_unavailable && exchange.report.retry_after)
            failed.retry_after = exchange.report.retry_after;
        co_return failed;
    }
    case exchange_outcome::unknown:
        break;
    }
    metrics().attempts.add({"dark"});
    co_await close(work, attempt, dark_end(std::nullopt), std::move(record));
    co_return make_failure(
        errc::clink_outcome_unknown,
        "It is not known whether Clink created a session; none was handed out. Send the request again.");
}

asio::awaitable<result<checkout_page>> checkout_creator::release(job work, begun_attempt attempt,
                                                                 created_session made,
                                                                 std::optional<attempt_id> supersedes,
                                                                 exchange_record record) {
    const auto session_id = made.session_id;
    if (const auto difference = find_echo_difference(work.order_id, work.terms.original, made)) {
        const auto end = mismatch_end(attempt.id, session_id, *difference);
        metrics().attempts.add({"dark"});
        co_await close(work, attempt, end, std::move(record));
        session_record told;
        told.status = end.status;
        told.refusal_code = end.refusal_code;
        told.refusal_message = end.refusal_message;
        co_return failure_of_attempt(told).value();
    }
    auto released = co_await release_once(work, attempt, make_handle(made), std::move(supersedes), record);
    crash_point("create.released");
    metrics().attempts.add({released ? "released" : "fenced"});
    if (released)
        co_return checkout_page{work.order_id, std::move(*released), false};
    record.data["detail"] = "the attempt was fenced before its release";
    co_await close(work, attempt, dark_end(session_id), std::move(record));
    co_return co_await explain_fence(attempt.id);
}

/// Tries again while the database is away, as long as the lease runs: Clink has made the session.
asio::awaitable<std::optional<session_record>>
checkout_creator::release_once(job work, begun_attempt attempt, released_handle handle,
                               std::optional<attempt_id> supersedes, exchange_record record) {
    while (true) {
        std::exception_ptr error;
        try {
            co_return co_await attempts_.release(attempt, handle, supersedes, record);
        } catch (const write_in_doubt&) {
            error = std::current_exception();
        } catch (const database_unavailable&) {
            error = std::current_exception();
        }
        co_await pause_within_lease(work.lease_until, error);
    }
}

/// Repeating it is harmless: a closed attempt is not closed again.
asio::awaitable<void> checkout_creator::close(job work, begun_attempt attempt, unreleased_end end,
                                              exchange_record record) {
    while (true) {
        std::exception_ptr error;
        try {
            co_await attempts_.close(attempt, end, record);
            crash_point("create.closed");
            co_return;
        } catch (const write_in_doubt&) {
            error = std::current_exception();
        } catch (const database_unavailable&) {
            error = std::current_exception();
        }
        co_await pause_within_lease(work.lease_until, error);
    }
}

/// Why a release found no row. One whose first COMMIT lost its answer finds itself released already.
asio::awaitable<result<checkout_page>> checkout_creator::explain_fence(attempt_id attempt) {
    const auto order = co_await orders_.find_order_of(attempt);
    const auto* session = order ? order->find_session(attempt) : nullptr;
    if (session != nullptr && session->released())
        co_return checkout_page{order->id, *session, false};
    if (order && order->payment_count > 0)
        co_return make_failure(errc::order_already_paid, "A payment for this order is on record.");
    if (order && order->cancelled_at)
        co_return make_failure(errc::order_cancelled,
                               "The order was cancelled while its session was being created.");
    if (order && order->state == order_state::processing)
        co_return make_failure(errc::payment_processing, "A payment for this order is being processed.", 5s);
    co_return make_failure(errc::clink_outcome_unknown,
                           "The session came too late to be handed out. Send the request again.");
}

void checkout_creator::turn_away() {
    turning_away_ = true;
    finished_.wake_all();
}

void checkout_creator::hear_of_end(order_key order) {
    if (order == order_key{})
        finished_.wake_all();
    else
        finished_.wake(key_of(order));
}

std::chrono::steady_clock::time_point checkout_creator::lease_end() const {
    return std::chrono::steady_clock::now() + options_.clink_timeout + lease_margin;
}

attempt_intent checkout_creator::make_intent(const job& work) const {
    return {.id = attempt_id(make_uuid_v7()),
            .order_id = work.order_id,
            .terms = work.terms,
            .recorded = work.intent.terms,
            .fingerprint = work.intent.fingerprint,
            .lease = options_.clink_timeout + lease_margin,
            .request_id = work.context.request_id};
}

create_command checkout_creator::make_command(const job& work, const attempt_id& attempt) const {
    create_command command{.order_id = work.order_id,
                           .attempt = attempt,
                           .terms = work.terms,
                           .success_url = work.terms.success_url,
                           .cancel_url = work.terms.cancel_url,
                           .context = work.context};
    if (options_.public_base_url && signer_ != nullptr && work.terms.mode == ui_mode::hosted_page) {
        command.success_url = *options_.public_base_url + "/checkout/success";
        command.cancel_url =
            *options_.public_base_url + "/checkout/cancel/" + signer_->make_cancel_token(attempt);
    }
    return command;
}

} // namespace checkout
