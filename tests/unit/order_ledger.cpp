#include "order_ledger.h"

#include <algorithm>

namespace checkout::test {

namespace {

template <class T>
bool is_kept(const std::optional<T>& before, const std::optional<T>& now) {
    return !before || now == before;
}

bool is_unsettled(order_state state) {
    return state == order_state::unpaid || state == order_state::processing
           || state == order_state::cancelled;
}

template <class T>
std::string show(const std::optional<T>& value) {
    if (!value)
        return "?";
    if constexpr (std::is_same_v<T, std::string>)
        return *value;
    else if constexpr (std::is_same_v<T, decimal>)
        return value->to_string();
    else if constexpr (std::is_same_v<T, instant>)
        return std::to_string(value->time_since_epoch().count());
    else
        return value->str();
}

std::string describe_session(const session_record& session) {
    std::string line = "session " + std::to_string(session.attempt) + " ";
    line += to_string(session.status);
    line += " ";
    line += to_string(session.payment);
    line += session.ended_at ? " ended" : "";
    if (session.released() || session.payment == payment_status::paid)
        line += " " + show(session.session_id) + " expires " + show(session.expire_time);
    return line;
}

std::string describe_payment(const payment_record& payment) {
    std::string line = "payment " + show(payment.order_id) + " of " + payment.attempt.str() + " ";
    line += to_string(payment.kind);
    line += " ";
    line += to_string(payment.verdict);
    line += " " + show(payment.amount_total) + " " + show(payment.payment_currency);
    line += " back " + payment.refunded_amount.to_string() + " ";
    line += to_string(payment.clink_refunds);
    return line + " at " + show(payment.payment_time);
}

std::string describe_refund(const order_record& order, const refund_record& refund) {
    std::string line = "refund " + refund.clink_id.str() + " ";
    line += to_string(refund.status);
    if (refund.status == refund_status::success)
        line += " " + show(refund.amount) + " " + show(refund.currency);
    line += " of ";
    const auto payment = std::ranges::find(order.payments, refund.payment.value_or(-1), &payment_record::id);
    return line + (payment == order.payments.end() ? "?" : show(payment->order_id));
}

} // namespace

void order_ledger::require(bool holds, const char* rule) {
    if (!holds && broken_rule_.empty())
        broken_rule_ = rule;
}

void order_ledger::apply(const settlement& change) {
    for (const auto& draft : change.discrepancies)
        open(draft);
    require(change.changes() || change.events.empty(), "P6: an event is a change's");
    require(order_.find_session(change.attempt) != nullptr, "foreign key: the attempt is the order's");
    if (!change.changes())
        return;
    const bool only_closes = !change.session && change.new_payments.empty() && change.known_payments.empty()
                             && change.refunds.empty();
    require(only_closes || !change.events.empty(), "P6: a change has its event");
    require(change.payment_count >= order_.payment_count, "P5: payments are never uncounted");
    ++order_.version;
    order_.state = change.state;
    order_.payment_count = change.payment_count;
    order_.refund_count = change.refund_count;
    write_session(change);
    for (const auto& payment : change.new_payments)
        write_new(payment, change);
    for (const auto& payment : change.known_payments)
        write_known(payment);
    for (const auto& refund : change.refunds)
        write_refund(refund);
    for (const auto& closing : change.closings) {
        close(closing);
        if (closing.kind == discrepancy_kind::stuck_unknown)
            find_session(change.attempt).stuck_at.reset();
    }
    check_order();
    check_sessions();
    check_payments();
    check_refunds();
}

void order_ledger::note_silence(const attempt_id& attempt) {
    find_session(attempt).stuck_at = order_.read_at;
    open({.kind = discrepancy_kind::stuck_unknown,
          .subject = "attempt:" + attempt.str(),
          .attempt = attempt,
          .detail = {}});
}

session_record& order_ledger::find_session(const attempt_id& attempt) {
    return *std::ranges::find(order_.sessions, attempt, &session_record::id);
}

void order_ledger::write_session(const settlement& change) {
    if (!change.session || !change.asked_session)
        return;
    const auto& next = *change.session;
    auto& row = find_session(change.attempt);
    require(row.payment != payment_status::paid || next.payment == payment_status::paid,
            "guard_session: paid stays paid");
    require(row.status != session_status::completed || row.payment != payment_status::paid
                || next.status == session_status::completed,
            "P5: completed and paid stays so");
    require(!row.session_id || !next.session_id, "guard_session: Clink's id never changes");
    require(!row.ended_at || !next.ended, "guard_session: a session ends once");
    row.status = next.status;
    row.payment = next.payment;
    if (next.ended)
        row.ended_at = order_.read_at;
    if (row.ended_at)
        row.url.reset();
    if (next.settled || !row.settled_by)
        row.settled_by = change.source;
    if (next.expire_time)
        row.expire_time = next.expire_time;
    if (next.session_id)
        row.session_id = next.session_id;
}

void order_ledger::write_new(payment_record payment, const settlement& change) {
    require(payment.attempt == change.attempt, "P5: a payment is of the session that was asked about");
    require(payment.id == 0, "identity: a new payment has no row yet");
    payment.id = order_.payments.empty() ? 1 : order_.payments.back().id + 1;
    order_.payments.push_back(std::move(payment));
}

void order_ledger::write_known(const payment_record& payment) {
    const auto row = std::ranges::find(order_.payments, payment.id, &payment_record::id);
    require(row != order_.payments.end(), "settlement_store: a known payment has its row");
    if (row == order_.payments.end())
        return;
    require(payment.attempt == row->attempt && payment.kind == row->kind && payment.original == row->original
                && is_kept(row->order_id, payment.order_id)
                && is_kept(row->amount_total, payment.amount_total)
                && is_kept(row->payment_currency, payment.payment_currency),
            "guard_payment: what is known of a payment never changes");
    require(row->refunded_amount <= payment.refunded_amount && row->clink_refunds <= payment.clink_refunds,
            "guard_payment_refunds: refunds never shrink");
    *row = payment;
}

void order_ledger::write_refund(refund_record refund) {
    const auto row = std::ranges::find(order_.refunds, refund.clink_id, &refund_record::clink_id);
    if (!refund.payment)
        if (const auto payment =
                std::ranges::find(order_.payments, refund.order_id, &payment_record::order_id);
            payment != order_.payments.end())
            refund.payment = payment->id;
    if (row == order_.refunds.end()) {
        refund.id = static_cast<std::int64_t>(order_.refunds.size()) + 1;
        order_.refunds.push_back(std::move(refund));
        return;
    }
    const bool had_succeeded = row->status == refund_status::success;
    require(!had_succeeded || refund.status == refund_status::success, "guard_refund: success stays");
    require(!had_succeeded
                || (is_kept(row->amount, refund.amount) && is_kept(row->currency, refund.currency)),
            "guard_refund: what is known of a refund never changes");
    require(is_kept(row->payment, refund.payment), "guard_refund: its payment stays");
    refund.id = row->id;
    *row = std::move(refund);
}

/// Like the database: one row for a kind and subject, open again if the service itself had closed it.
void order_ledger::open(const discrepancy_draft& draft) {
    for (auto& row : discrepancies_)
        if (row.kind == draft.kind && row.subject == draft.subject) {
            row.open = true;
            return;
        }
    discrepancies_.push_back({draft.kind, draft.subject, draft.attempt.value_or(attempt_id())});
}

void order_ledger::close(const discrepancy_closing& closing) {
    for (auto& row : discrepancies_)
        if (row.kind == closing.kind && (!closing.subject || row.subject == *closing.subject)
            && (closing.subject || !closing.attempt || row.attempt == *closing.attempt))
            row.open = false;
}

void order_ledger::check_order() {
    require((order_.payment_count > 0) != is_unsettled(order_.state),
            "orders: a state without payment if and only if there is none");
    require(order_.state != order_state::cancelled || order_.cancelled_at, "orders: cancelled at some time");
    require(order_.payment_count
                == std::ranges::count(order_.payments, payment_kind::payment, &payment_record::kind),
            "orders: payment_count counts the payments");
    require(order_.payment_count > 0 || order_.payments.empty(),
            "order_store: an order without a payment has no renewal either");
    require(order_.refund_count == static_cast<int>(order_.refunds.size()),
            "orders: refund_count counts the refunds");
    require(order_.state == find_state(order_), "orders: the state is that of the rows");
    require(std::ranges::count_if(order_.sessions, &session_record::current) <= 1,
            "P1: sessions_one_current");
}

void order_ledger::check_sessions() {
    for (const auto& row : order_.sessions) {
        const bool unreleased = row.status == session_status::creating
                                || row.status == session_status::refused
                                || row.status == session_status::dark;
        require(unreleased != row.released(), "P3: sessions: released if and only if it was shown");
        require(!row.released() || row.session_id, "sessions: released under Clink's id");
        require(!row.ended_at || row.status == session_status::completed
                    || row.status == session_status::expired,
                "sessions: ended is completed or expired");
        require(!row.url || !row.ended_at, "sessions: no url after the end");
        require(row.payment == payment_status::unpaid || row.settled_by, "P4: sessions: settled by somebody");
        if (row.session_id)
            require(std::ranges::count(order_.sessions, row.session_id, &session_record::session_id) == 1,
                    "sessions: clink_session_id is unique");
    }
}

void order_ledger::check_payments() {
    for (const auto& row : order_.payments) {
        if (row.order_id)
            require(std::ranges::count(order_.payments, row.order_id, &payment_record::order_id) == 1,
                    "payments: clink_order_id is unique");
        else
            require(std::ranges::count_if(order_.payments,
                                          [&](const payment_record& each) {
                                              return !each.order_id && each.attempt == row.attempt;
                                          })
                        == 1,
                    "payments_one_without_id");
        require(row.verdict == amount_verdict::unknown || (row.amount_total && row.payment_currency),
                "payments: a verdict needs an amount");
    }
}

void order_ledger::check_refunds() {
    for (const auto& row : order_.refunds)
        if (row.payment) {
            const auto payment = std::ranges::find(order_.payments, *row.payment, &payment_record::id);
            require(payment != order_.payments.end() && payment->order_id == row.order_id,
                    "refunds: a refund is of the payment of its order");
        }
}

bool order_ledger::has_open(discrepancy_kind kind, const std::string& subject) const {
    return std::ranges::any_of(discrepancies_, [&](const discrepancy_row& row) {
        return row.open && row.kind == kind && row.subject == subject;
    });
}

std::string order_ledger::describe() const {
    std::vector<std::string> lines;
    for (const auto& row : discrepancies_)
        if (row.open)
            lines.push_back(std::string(to_string(row.kind)) + " " + name_subject(row));
    return describe_end(order_, std::move(lines));
}

/// By what Clink calls it: a payment's place among its attempt's is a matter of who was heard of first.
std::string order_ledger::name_subject(const discrepancy_row& row) const {
    if (row.kind == discrepancy_kind::duplicate_payment)
        return "order";
    if (const auto slash = row.subject.rfind('/'); slash != std::string::npos) {
        int place = std::stoi(row.subject.substr(slash + 1));
        for (const auto& payment : order_.payments)
            if (payment.attempt == row.attempt && --place == 0)
                return show(payment.order_id);
    }
    return row.subject;
}

std::string describe_end(const order_record& order, std::vector<std::string> open) {
    std::vector<std::string> lines = std::move(open);
    for (auto& line : lines)
        line = "open " + line;
    for (const auto& session : order.sessions)
        lines.push_back(describe_session(session));
    for (const auto& payment : order.payments)
        lines.push_back(describe_payment(payment));
    for (const auto& refund : order.refunds)
        lines.push_back(describe_refund(order, refund));
    std::ranges::sort(lines);
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    std::string text = "order ";
    text += to_string(order.state);
    text +=
        " payments " + std::to_string(order.payment_count) + " refunds " + std::to_string(order.refund_count);
    for (const auto& line : lines)
        text += "\n" + line;
    return text;
}

} // namespace checkout::test
