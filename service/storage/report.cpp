#include "storage/report.h"

#include <algorithm>
#include <array>

namespace checkout {

namespace {

constexpr report_column payments[] = {
    {.name = "recordedAt", .kind = column_kind::time},
    {.name = "paymentId"},
    {.name = "sessionId"},
    {.name = "clinkOrderId"},
    {.name = "attempt", .kind = column_kind::number},
    {.name = "kind"},
    {.name = "verdict"},
    {.name = "originalAmount", .kind = column_kind::amount, .currency = 8, .totalled = true},
    {.name = "originalCurrency"},
    {.name = "amountTotal", .kind = column_kind::amount, .currency = 10, .totalled = true},
    {.name = "paymentCurrency"},
    {.name = "amountSubtotal", .kind = column_kind::amount, .currency = 8},
    {.name = "clinkOriginalCurrency"},
    {.name = "refundedAmount", .kind = column_kind::amount, .currency = 10, .totalled = true},
    {.name = "paymentTime", .kind = column_kind::time},
    {.name = "evidence"},
    {.name = "subscriptionId"},
    {.name = "invoiceId"},
    {.name = "merchantOrderId"},
    {.name = "merchantReferenceId"},
};

constexpr report_column sessions[] = {
    {.name = "createdAt", .kind = column_kind::time},
    {.name = "attemptId"},
    {.name = "sessionId"},
    {.name = "clinkOrderId"},
    {.name = "attempt", .kind = column_kind::number},
    {.name = "status"},
    {.name = "paymentStatus"},
    {.name = "originalAmount", .kind = column_kind::amount, .currency = 8, .totalled = true},
    {.name = "originalCurrency"},
    {.name = "amountTotal", .kind = column_kind::amount, .currency = 10, .totalled = true},
    {.name = "paymentCurrency"},
    {.name = "verdict"},
    {.name = "uiMode"},
    {.name = "releasedAt", .kind = column_kind::time},
    {.name = "expireTime", .kind = column_kind::time},
    {.name = "supersededAt", .kind = column_kind::time},
    {.name = "endedAt", .kind = column_kind::time},
    {.name = "settledBy"},
    {.name = "checkedAt", .kind = column_kind::time},
    {.name = "refusalCode"},
    {.name = "customerId"},
    {.name = "merchantOrderId"},
    {.name = "merchantReferenceId"},
};

constexpr report_column refunds[] = {
    {.name = "recordedAt", .kind = column_kind::time},
    {.name = "recordNo"},
    {.name = "refundId"},
    {.name = "clinkOrderId"},
    {.name = "sessionId"},
    {.name = "paymentId"},
    {.name = "status"},
    {.name = "refundAmount", .kind = column_kind::amount, .currency = 8, .totalled = true},
    {.name = "refundCurrency"},
    {.name = "refundTime", .kind = column_kind::time},
    {.name = "updatedAt", .kind = column_kind::time},
    {.name = "evidence"},
    {.name = "failureCode"},
    {.name = "refundMerchantOrderId"},
    {.name = "merchantOrderId"},
    {.name = "merchantReferenceId"},
    {.name = "refundReason"},
};

constexpr report_column events[] = {
    {.name = "feedNo", .kind = column_kind::number},
    {.name = "eventId"},
    {.name = "at", .kind = column_kind::micros},
    {.name = "kind"},
    {.name = "attempt", .kind = column_kind::number},
    {.name = "sessionId"},
    {.name = "source"},
    {.name = "requestId"},
    {.name = "merchantOrderId"},
    {.name = "data", .kind = column_kind::json},
};

struct report_entry {
    report_name report;
    std::string_view name;
    std::span<const report_column> columns;
};

constexpr report_entry reports[] = {{report_name::payments, "payments", payments},
                                    {report_name::sessions, "sessions", sessions},
                                    {report_name::refunds, "refunds", refunds},
                                    {report_name::events, "events", events}};

const report_entry& entry_of(report_name report) {
    return *std::ranges::find(reports, report, &report_entry::report);
}

} // namespace

std::span<const report_column> columns_of(report_name report) {
    return entry_of(report).columns;
}

std::string_view to_string(report_name report) {
    return entry_of(report).name;
}

std::optional<report_name> find_report(std::string_view name) {
    const auto* const found = std::ranges::find(reports, name, &report_entry::name);
    return found == std::end(reports) ? std::nullopt : std::optional(found->report);
}

report_rows::report_rows(std::size_t columns, std::vector<cell> cells, std::shared_ptr<const void> owner)
    : columns_(columns),
      cells_(std::move(cells)),
      owner_(std::move(owner)) {}

} // namespace checkout
