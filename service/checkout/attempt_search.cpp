#include "checkout/attempt_search.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace checkout {

namespace asio = boost::asio;

namespace {

// What is left comes with the next search, which asks first about what was paid, then about the sessions that
// were not asked about for longest.
constexpr int most_settlements = 32;
constexpr int most_questions = 64; ///< about sessions

/// Its questions are the sweeper's.
bool is_released(const order_record& order, const clink_session_id& id) {
    const auto* session = order.find_session(id);
    return session != nullptr && session->released();
}

/// Only a guess says whose it is.
bool names_nobody(const order_facts& row) {
    return !row.session_id && !row.checkout_attempt_id;
}

bool has_payment_without_order(const order_record& order) {
    return !std::ranges::all_of(order.payments,
                                [](const payment_record& p) { return p.order_id.has_value(); });
}

/// Those that were not asked about for longest first.
std::vector<const session_record*> unreleased_by_last_check(const order_record& order) {
    std::vector<const session_record*> found;
    for (const auto& session : order.sessions)
        if (is_unreleased(session))
            found.push_back(&session);
    std::ranges::stable_sort(found, {}, &session_record::checked_at);
    return found;
}

} // namespace

/// An order as it stands and what Clink has under its reference.
struct attempt_search::view {
    std::optional<order_record> order;
    std::vector<order_facts> rows;
    std::vector<clink_session_id> sessions; ///< to be asked about, in this order
    bool listed = false;                    ///< Clink gave its orders of the reference

    void must_ask(const clink_session_id& id) {
        if (std::ranges::find(sessions, id) == sessions.end())
            sessions.push_back(id);
    }
};

struct attempt_search::progress {
    question_result result{.outcome = question_outcome::answered};
    std::set<std::string> settled;        ///< keys of finds, and of what was asked about
    std::set<clink_session_id> not_given; ///< Clink answered, and not with the session
    int questions = 0;                    ///< about sessions
    std::vector<order_facts> orphans;

    /// Keeps that a question was not answered. Clink's word that there is no such thing is an answer.
    void note(const question_result& asked) {
        result.calls += asked.calls;
        if (asked.outcome == question_outcome::unreachable)
            result.outcome = question_outcome::incomplete;
    }

    /// Its create is under way, and may yet say what this search would: what belongs to it comes later.
    bool must_wait_for(const session_record* owner) {
        const bool waits = owner != nullptr && owner->status == session_status::creating;
        if (waits)
            result.outcome = question_outcome::incomplete;
        return waits;
    }
};

/// Something of Clink's that goes to an attempt.
struct attempt_search::finding {
    std::string key; ///< Clink's session or order, as settled ones are kept
    attempt_id attempt;
    clink_word word;
    std::string body;
};

const session_record* find_owner(const order_record& order, const std::optional<std::string>& named,
                                 bool has_session) {
    if (named)
        if (const auto* session = order.find_session(attempt_id(*named)))
            return has_session && session->session_id ? nullptr : session;
    const auto found = std::ranges::find_if(
        order.sessions, [](const session_record& s) { return !s.session_id && is_unreleased(s); });
    return found == order.sessions.end() ? nullptr : &*found;
}

attempt_search::attempt_search(order_store& orders, sweep_store& sweeps, discrepancy_store& discrepancies,
                               settle_door& door, clink_questions& questions)
    : orders_(orders),
      sweeps_(sweeps),
      discrepancies_(discrepancies),
      door_(door),
      questions_(questions) {}

/// Settles one finding after another, each on an order read, and asked about, after the one before changed
/// it.
asio::awaitable<question_result> attempt_search::search(merchant_order_id id, evidence source,
                                                        call_context context, search_hint hint) {
    progress so_far;
    for (int settlements = 0; settlements < most_settlements; ++settlements) {
        auto seen = co_await look(id, hint, so_far, context);
        if (!seen.order || !seen.listed)
            co_return so_far.result;
        bool changed = false;
        while (!changed) {
            auto found = co_await next_finding(seen, so_far, context);
            if (!found) {
                co_await finish(*seen.order, so_far, source, std::move(context));
                co_return so_far.result;
            }
            const auto* session = seen.order->find_session(found->attempt);
            auto change = settle(*seen.order, *session, found->word, source);
            changed = change.changes();
            settlement_evidence evidence_found{.clink_body = std::move(found->body),
                                               .request_id = context.request_id};
            if (!co_await door_.pass(*seen.order, std::move(change), std::move(evidence_found)))
                so_far.settled.erase(found->key);
        }
    }
    so_far.result.outcome = question_outcome::incomplete;
    co_return so_far.result;
}

asio::awaitable<void> attempt_search::finish(const order_record& order, progress& so_far, evidence source,
                                             call_context context) {
    // The session that Clink owes may be the one of an order that names none.
    if (so_far.result.outcome == question_outcome::incomplete)
        std::erase_if(so_far.orphans, [](const order_facts& row) { return !row.session_id; });
    co_await show_orphans(order, std::move(so_far.orphans), source, std::move(context.request_id));
    co_await plan(order, so_far);
}

asio::awaitable<attempt_search::view> attempt_search::look(merchant_order_id id, const search_hint& hint,
                                                           progress& so_far, call_context context) {
    view seen;
    seen.order = co_await orders_.find_whole_order(id);
    if (!seen.order)
        co_return seen; // there is nothing to ask about
    auto listed = co_await questions_.hear_orders(id, context);
    so_far.result.calls += listed.result.calls;
    if (listed.result.outcome != question_outcome::answered) {
        so_far.result.outcome = listed.result.outcome;
        co_return seen;
    }
    seen.listed = true;
    if (!listed.whole)
        so_far.result.outcome = question_outcome::incomplete;
    seen.rows = std::move(listed.orders);
    const bool hinted =
        hint.order_id
        && std::ranges::find(seen.rows, *hint.order_id, &order_facts::order_id) == seen.rows.end();
    if (hinted) {
        auto heard = co_await questions_.hear_order(*hint.order_id, context);
        so_far.note(heard.result);
        const bool ours =
            heard.order
            && heard.order->merchant_reference_id.value_or(seen.order->id.str()) == seen.order->id.str();
        if (ours)
            seen.rows.push_back(std::move(*heard.order));
    }
    if (hint.session_id)
        seen.must_ask(*hint.session_id);
    for (const auto& row : seen.rows)
        if (row.session_id && was_paid(row.status) && !is_recorded(*seen.order, row.order_id))
            seen.must_ask(*row.session_id);
    const bool guesses = std::ranges::any_of(seen.rows, [&](const order_facts& row) {
        return names_nobody(row) && was_paid(row.status) && !is_recorded(*seen.order, row.order_id);
    });
    if (guesses)
        for (const auto& session : seen.order->sessions)
            if (session.released() && session.session_id)
                seen.must_ask(*session.session_id);
    for (const auto* session : unreleased_by_last_check(*seen.order))
        if (session->session_id)
            seen.must_ask(*session->session_id);
    for (const auto& row : seen.rows)
        if (row.session_id && !was_paid(row.status) && !is_released(*seen.order, *row.session_id))
            seen.must_ask(*row.session_id);
    co_return seen;
}

/// The next thing that a settlement is to be made of; each once in a search.
asio::awaitable<std::optional<attempt_search::finding>>
attempt_search::next_finding(view& seen, progress& so_far, call_context context) {
    auto found = co_await next_session(seen, so_far, std::move(context));
    if (!found)
        found = next_order(seen, so_far);
    co_return found;
}

/// A session with its orders.
asio::awaitable<std::optional<attempt_search::finding>>
attempt_search::next_session(view& seen, progress& so_far, call_context context) {
    const auto& order = *seen.order;
    for (const auto& id : seen.sessions) {
        const auto* known = order.find_session(id);
        if (so_far.settled.contains(id.str())
            || (known != nullptr && known->status == session_status::creating))
            continue;
        if (++so_far.questions > most_questions) {
            so_far.result.outcome = question_outcome::incomplete;
            break;
        }
        so_far.settled.insert(id.str());
        auto heard =
            co_await questions_.hear_session(id, order.id, std::nullopt, order_scope::of_payment, context);
        so_far.note(heard.result);
        if (!heard.word && heard.result.outcome != question_outcome::unreachable)
            so_far.not_given.insert(id);
        if (!heard.word)
            continue;
        const auto& facts = heard.word->session;
        if (known == nullptr && facts.merchant_reference_id.value_or(order.id.str()) != order.id.str()) {
            std::ranges::copy_if(seen.rows, std::back_inserter(so_far.orphans),
                                 [&](const order_facts& row) { return row.session_id == id; });
            continue;
        }
        const auto* owner = known != nullptr ? known : find_owner(order, facts.checkout_attempt_id, true);
        if (so_far.must_wait_for(owner))
            continue;
        for (const auto& row : seen.rows)
            if (row.session_id == id
                && !std::ranges::count(heard.word->orders, row.order_id, &order_facts::order_id))
                heard.word->orders.push_back(row);
        if (owner != nullptr)
            co_return finding{id.str(), owner->id, std::move(*heard.word), std::move(heard.body)};
        std::ranges::move(heard.word->orders, std::back_inserter(so_far.orphans));
    }
    co_return std::nullopt;
}

/// An order that names no session, or one that Clink does not tell of.
std::optional<attempt_search::finding> attempt_search::next_order(const view& seen, progress& so_far) {
    const auto& order = *seen.order;
    for (const auto& row : seen.rows) {
        const bool has_session = row.session_id && !so_far.not_given.contains(*row.session_id);
        if (has_session || !was_paid(row.status) || is_recorded(order, row.order_id)
            || !so_far.settled.insert(row.order_id.str()).second)
            continue;
        if (names_nobody(row) && has_payment_without_order(order)) { // it may be that payment's
            so_far.result.outcome = question_outcome::incomplete;
            continue;
        }
        const auto* known = row.session_id ? order.find_session(*row.session_id) : nullptr;
        const auto* owner =
            known != nullptr ? known : find_owner(order, row.checkout_attempt_id, row.session_id.has_value());
        if (so_far.must_wait_for(owner))
            continue;
        if (owner == nullptr) {
            so_far.orphans.push_back(row);
            continue;
        }
        finding found{row.order_id.str(), owner->id, {}, {}};
        found.word.orders.push_back(row);
        if (known == nullptr)
            found.word.orders.back().session_id.reset();
        return found;
    }
    return std::nullopt;
}

asio::awaitable<void> attempt_search::show_orphans(const order_record& order,
                                                   std::vector<order_facts> orphans, evidence source,
                                                   std::string request_id) {
    for (const auto& row : orphans) {
        if (!was_paid(row.status) || is_recorded(order, row.order_id))
            continue;
        const auto payer = co_await orders_.find_order_of(row.order_id); // by now, perhaps
        if (payer && is_recorded(*payer, row.order_id))
            continue;
        discrepancy_draft draft{.kind = discrepancy_kind::orphan_event,
                                .subject = subject_of_order(row.order_id),
                                .attempt = {},
                                .detail = {{"clinkOrderId", row.order_id.str()}}};
        if (row.session_id)
            draft.detail["sessionId"] = row.session_id->str();
        co_await discrepancies_.open(order.key, std::move(draft), source, request_id);
    }
}

/// The attempts that are still watched are next looked for together; one that was not asked about remains
/// due.
asio::awaitable<void> attempt_search::plan(const order_record& order, const progress& so_far) {
    std::vector<std::pair<attempt_id, std::optional<instant>>> searched;
    const auto is_searched = [&](const session_record& session) {
        return !session.session_id || so_far.settled.contains(session.session_id->str());
    };
    for (const auto& session : order.sessions)
        if (is_unreleased(session) && session.next_check_at && is_searched(session))
            searched.emplace_back(session.id, find_next_check(session, knows_payments(order, session.id),
                                                              order.read_at, door_.policy()));
    if (!searched.empty())
        co_await sweeps_.note_search(std::move(searched));
}

} // namespace checkout
