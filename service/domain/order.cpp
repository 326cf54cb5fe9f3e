#include "domain/order.h"

#include <algorithm>
#include <array>

namespace checkout {

namespace {

template <class T>
struct spelling {
    T value;
    std::string_view text;
};

template <class T>
constexpr std::array<spelling<T>, 0> spellings{};

template <>
constexpr std::array spellings<session_status>{
    spelling{session_status::creating, "creating"},   spelling{session_status::refused, "refused"},
    spelling{session_status::dark, "dark"},           spelling{session_status::open, "open"},
    spelling{session_status::completed, "completed"}, spelling{session_status::expired, "expired"}};

template <>
constexpr std::array spellings<payment_status>{spelling{payment_status::unpaid, "unpaid"},
                                               spelling{payment_status::processing, "processing"},
                                               spelling{payment_status::paid, "paid"}};

template <>
constexpr std::array spellings<order_state>{spelling{order_state::unpaid, "unpaid"},
                                            spelling{order_state::processing, "processing"},
                                            spelling{order_state::cancelled, "cancelled"},
                                            spelling{order_state::paid, "paid"},
                                            spelling{order_state::underpaid, "underpaid"},
                                            spelling{order_state::overpaid, "overpaid"},
                                            spelling{order_state::refunded, "refunded"},
                                            spelling{order_state::partially_refunded, "partially_refunded"}};

template <>
constexpr std::array spellings<amount_verdict>{spelling{amount_verdict::exact, "exact"},
                                               spelling{amount_verdict::converted, "converted"},
                                               spelling{amount_verdict::discounted, "discounted"},
                                               spelling{amount_verdict::surcharged, "surcharged"},
                                               spelling{amount_verdict::over, "over"},
                                               spelling{amount_verdict::short_paid, "short"},
                                               spelling{amount_verdict::unknown, "unknown"}};

template <>
constexpr std::array spellings<payment_kind>{spelling{payment_kind::payment, "payment"},
                                             spelling{payment_kind::renewal, "renewal"}};

template <>
constexpr std::array spellings<refund_extent>{spelling{refund_extent::none, "none"},
                                              spelling{refund_extent::partial, "partial"},
                                              spelling{refund_extent::full, "full"}};

template <>
constexpr std::array spellings<refund_status>{
    spelling{refund_status::created, "created"},   spelling{refund_status::refunding, "refunding"},
    spelling{refund_status::received, "received"}, spelling{refund_status::success, "success"},
    spelling{refund_status::failed, "failed"},     spelling{refund_status::closed, "closed"},
    spelling{refund_status::unknown, "unknown"}};

template <>
constexpr std::array spellings<dispute_status>{spelling{dispute_status::pending, "pending"},
                                               spelling{dispute_status::processing, "processing"},
                                               spelling{dispute_status::won, "won"},
                                               spelling{dispute_status::lost, "lost"},
                                               spelling{dispute_status::withdrawn, "withdrawn"},
                                               spelling{dispute_status::unknown, "unknown"}};

template <>
constexpr std::array spellings<evidence>{
    spelling{evidence::redirect, "redirect"},   spelling{evidence::refresh, "refresh"},
    spelling{evidence::webhook, "webhook"},     spelling{evidence::sweeper, "sweeper"},
    spelling{evidence::reconcile, "reconcile"}, spelling{evidence::operator_action, "operator"}};

template <>
constexpr std::array spellings<discrepancy_kind>{
    spelling{discrepancy_kind::duplicate_payment, "duplicate_payment"},
    spelling{discrepancy_kind::amount_mismatch, "amount_mismatch"},
    spelling{discrepancy_kind::currency_mismatch, "currency_mismatch"},
    spelling{discrepancy_kind::paid_after_expiry, "paid_after_expiry"},
    spelling{discrepancy_kind::paid_after_cancel, "paid_after_cancel"},
    spelling{discrepancy_kind::paid_on_superseded, "paid_on_superseded"},
    spelling{discrepancy_kind::paid_on_dark_session, "paid_on_dark_session"},
    spelling{discrepancy_kind::reference_mismatch, "reference_mismatch"},
    spelling{discrepancy_kind::orphan_event, "orphan_event"},
    spelling{discrepancy_kind::stuck_unknown, "stuck_unknown"},
    spelling{discrepancy_kind::refund_without_payment, "refund_without_payment"},
    spelling{discrepancy_kind::missing_at_clink, "missing_at_clink"},
    spelling{discrepancy_kind::refund_unrecorded, "refund_unrecorded"}};

template <class T>
std::string_view spell(T value) {
    for (const auto& entry : spellings<T>)
        if (entry.value == value)
            return entry.text;
    return "";
}

} // namespace

std::string_view to_string(session_status value) {
    return spell(value);
}
std::string_view to_string(payment_status value) {
    return spell(value);
}
std::string_view to_string(order_state value) {
    return spell(value);
}
std::string_view to_string(amount_verdict value) {
    return spell(value);
}
std::string_view to_string(payment_kind value) {
    return spell(value);
}
std::string_view to_string(refund_extent value) {
    return spell(value);
}
std::string_view to_string(refund_status value) {
    return spell(value);
}
std::string_view to_string(dispute_status value) {
    return spell(value);
}
std::string_view to_string(evidence value) {
    return spell(value);
}
std::string_view to_string(discrepancy_kind value) {
    return spell(value);
}

std::span<const discrepancy_kind> all_discrepancy_kinds() {
    static constexpr auto kinds = [] {
        std::array<discrepancy_kind, spellings<discrepancy_kind>.size()> all{};
        for (std::size_t i = 0; i < all.size(); ++i)
            all[i] = spellings<discrepancy_kind>[i].value;
        return all;
    }();
    return kinds;
}

template <class T>
std::optional<T> find_value(std::string_view text) {
    for (const auto& entry : spellings<T>)
        if (entry.text == text)
            return entry.value;
    return std::nullopt;
}

template std::optional<session_status> find_value(std::string_view);
template std::optional<payment_status> find_value(std::string_view);
template std::optional<order_state> find_value(std::string_view);
template std::optional<amount_verdict> find_value(std::string_view);
template std::optional<payment_kind> find_value(std::string_view);
template std::optional<refund_extent> find_value(std::string_view);
template std::optional<refund_status> find_value(std::string_view);
template std::optional<dispute_status> find_value(std::string_view);
template std::optional<evidence> find_value(std::string_view);
template std::optional<discrepancy_kind> find_value(std::string_view);

const session_record* order_record::find_session(const attempt_id& attempt) const {
    auto found = std::ranges::find(sessions, attempt, &session_record::id);
    return found == sessions.end() ? nullptr : &*found;
}

const session_record* order_record::find_session(const clink_session_id& session) const {
    auto found = std::ranges::find(sessions, session, &session_record::session_id);
    return found == sessions.end() ? nullptr : &*found;
}

const session_record* order_record::find_creating() const {
    auto found = std::ranges::find(sessions, session_status::creating, &session_record::status);
    return found == sessions.end() ? nullptr : &*found;
}

const session_record* order_record::find_current() const {
    auto found = std::ranges::find_if(sessions, &session_record::current);
    return found == sessions.end() ? nullptr : &*found;
}

bool may_be_paying(const session_record& session) {
    return session.payment == payment_status::processing
           || (session.status == session_status::completed && session.payment != payment_status::paid);
}

bool is_unreleased(const session_record& session) {
    return session.status == session_status::dark || session.status == session_status::refused;
}

bool is_recorded(const order_record& order, const clink_order_id& id) {
    return std::ranges::any_of(order.payments, [&](const payment_record& p) { return p.order_id == id; });
}

bool knows_payments(const order_record& order, const attempt_id& attempt) {
    return std::ranges::none_of(order.payments, [&](const payment_record& p) {
        return p.attempt == attempt && (!p.amount_total || !p.payment_currency || !p.order_id);
    });
}

bool is_final(refund_status status) {
    switch (status) {
    case refund_status::success:
    case refund_status::failed:
    case refund_status::closed:
        return true;
    case refund_status::created:
    case refund_status::refunding:
    case refund_status::received:
    case refund_status::unknown:
        return false;
    }
    return false;
}

bool is_paid_in_full(amount_verdict verdict) {
    switch (verdict) {
    case amount_verdict::exact:
    case amount_verdict::converted:
    case amount_verdict::discounted:
    case amount_verdict::surcharged:
    case amount_verdict::over:
        return true;
    case amount_verdict::short_paid:
    case amount_verdict::unknown:
        return false;
    }
    return false;
}

} // namespace checkout
