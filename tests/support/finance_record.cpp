#include "support/finance_record.h"

#include <algorithm>
#include <stdexcept>

namespace checkout::test {

namespace {

// What the number `n` decides, in one place.
constexpr auto numbers = R"sql(
with numbered as (
    select n, 'ORD-' || n as merchant_order_id,
        timestamptz '2026-11-20 23:30:00.123456+00' + (n % 1000 / 7) * interval '3 minutes' as recorded_at,
        timestamptz '2026-11-20 12:00:00+00' - (n % 1000 / 3) * interval '7 minutes' as payment_time,
        (array['USD', 'JPY', 'KWD', 'EUR'])[n % 4 + 1] as currency,
        (array[n + 0.90, n + 100, n + 0.125, n + 0.105])[n % 4 + 1] as amount,
        n % 4 <> 3 as is_paid,
        n % 13 = 0 as is_vague
    from generate_series($1, $2) n
)
)sql";

constexpr auto orders = R"sql(
insert into checkout.orders (merchant_order_id, state, payment_count, created_at)
select merchant_order_id, case when is_paid then 'paid' else 'unpaid' end, case when is_paid then 1 else 0 end, recorded_at
from numbered)sql";

constexpr auto sessions = R"sql(
insert into checkout.sessions (attempt_id, order_id, attempt, status, payment_status, original_amount, original_currency,
    ui_mode, terms, terms_fingerprint, clink_session_id, customer_id, expire_time, released_at, ended_at, settled_by,
    refusal_code, created_at)
select gen_random_uuid(), order_id, 1,
    case when is_paid then 'completed' when n % 3 = 0 then 'refused' else 'open' end,
    case when is_paid then 'paid' else 'unpaid' end, amount, currency, 'hostedPage', '{}', repeat('a', 64),
    case when is_paid or n % 3 <> 0 then 'sess_' || n end, case when n % 5 <> 0 then 'cus_' || n end,
    case when is_paid or n % 3 <> 0 then recorded_at + interval '1 hour' end,
    case when is_paid or n % 3 <> 0 then recorded_at end, case when is_paid then recorded_at end,
    case when is_paid then 'webhook' end, case when not is_paid and n % 3 = 0 then '400' end, recorded_at
from numbered join checkout.orders using (merchant_order_id))sql";

constexpr auto payments = R"sql(
insert into checkout.payments (order_id, attempt_id, kind, clink_order_id, verdict, original_amount, original_currency,
    amount_total, amount_subtotal, payment_currency, clink_original_currency, subscription_id, invoice_id, payment_time,
    evidence, recorded_at)
select order_id, attempt_id, case when n % 11 = 0 then 'renewal' else 'payment' end,
    case when not is_vague then 'order_' || n end,
    case when is_vague then 'unknown' when n % 8 = 0 then 'converted' else 'exact' end, amount, currency,
    case when is_vague then null when n % 8 = 0 then amount * 2 else amount end,
    case when not is_vague then amount end,
    case when is_vague then null when n % 8 = 0 then 'EUR' else currency end,
    case when not is_vague then currency end,
    case when n % 11 = 0 then 'sub_' || n end, case when n % 11 = 0 then 'inv_' || n end,
    case when n % 5 <> 0 then numbered.payment_time end, 'webhook', numbered.recorded_at
from numbered join checkout.orders using (merchant_order_id) join checkout.sessions using (order_id)
where is_paid order by n desc)sql";

constexpr auto refunds = R"sql(
insert into checkout.refunds (clink_refund_id, clink_order_id, order_id, payment_id, status, amount, currency, reason,
    refund_time, evidence, recorded_at, updated_at)
select 'rfd_' || n, 'order_' || n, case when n % 8 <> 4 then o.order_id end, case when n % 8 <> 4 then payment_id end,
    (array['success', 'failed', 'refunding'])[n % 3 + 1], case when not is_vague then amount / 2 end, currency,
    case when n % 3 = 0 then 'it said "no", twice' end, case when n % 3 = 0 then numbered.recorded_at end, 'webhook',
    numbered.recorded_at, numbered.recorded_at
from numbered join checkout.orders o using (merchant_order_id) left join checkout.payments p using (order_id)
where n % 4 = 0 order by n desc)sql";

} // namespace

void record_finance(sql_connection& superuser, int from, int to) {
    for (const std::string statement : {orders, sessions, payments, refunds}) {
        auto text = numbers + statement;
        text.replace(text.find("$1"), 2, std::to_string(from));
        text.replace(text.find("$2"), 2, std::to_string(to));
        superuser.value(text);
    }
}

report_query query_of(report_name report) {
    report_query query;
    query.report = report;
    return query;
}

std::string cell_of(report_name report, const report_rows& rows, std::size_t row, std::string_view column) {
    const auto columns = columns_of(report);
    const auto found = std::ranges::find(columns, column, &report_column::name);
    if (found == columns.end())
        throw std::invalid_argument("no column " + std::string(column));
    return std::string(rows.row(row)[static_cast<std::size_t>(found - columns.begin())].value_or("null"));
}

std::string whole_row(report_name report, const report_rows& rows, std::size_t row) {
    std::string text;
    for (const auto& column : columns_of(report))
        text += std::string(column.name) + "=" + cell_of(report, rows, row, column.name) + "\n";
    return text;
}

} // namespace checkout::test
