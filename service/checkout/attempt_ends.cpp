#include "checkout/attempt_ends.h"

namespace checkout {

exchange_record make_record(const exchange_report& report, const call_context& context) {
    exchange_record record{.data = {{"outcome", std::string(to_string(report.outcome))},
                                    {"durationMs", std::to_string(report.duration.count())}},
                           .clink_body = report.sanitised_body,
                           .request_id = context.request_id};
    if (report.http_status)
        record.data["httpStatus"] = std::to_string(*report.http_status);
    if (report.code)
        record.data["code"] = *report.code;
    if (report.message)
        record.data["message"] = *report.message;
    if (!report.detail.empty())
        record.data["detail"] = report.detail;
    return record;
}

unreleased_end refused_end(const exchange_report& report) {
    const bool never_sent = report.outcome == exchange_outcome::never_sent;
    return {.status = session_status::refused,
            .refusal_code = never_sent ? std::string(never_sent_code) : report.code.value_or("unknown"),
            .refusal_message = report.message,
            .session_id = {},
            .discrepancy = {}};
}

unreleased_end dark_end(std::optional<clink_session_id> session) {
    return {.status = session_status::dark,
            .refusal_code = {},
            .refusal_message = {},
            .session_id = std::move(session),
            .discrepancy = {}};
}

unreleased_end mismatch_end(const attempt_id& attempt, const clink_session_id& session,
                            const echo_difference& difference) {
    const auto kind = difference.field == "merchantReferenceId" ? discrepancy_kind::reference_mismatch
                      : difference.field == "originalCurrency"  ? discrepancy_kind::currency_mismatch
                                                                : discrepancy_kind::amount_mismatch;
    auto end = dark_end(session);
    end.refusal_code = std::string(answer_mismatch_code);
    end.refusal_message = difference.field;
    end.discrepancy = discrepancy_draft{
        .kind = kind,
        .subject = "attempt:" + attempt.str(),
        .attempt = attempt,
        .detail = {{"field", difference.field}, {"asked", difference.asked}, {"echoed", difference.echoed}}};
    return end;
}

released_handle make_handle(const created_session& made) {
    return {.session_id = made.session_id,
            .url = made.url,
            .customer_id = made.customer_id,
            .expire_time = made.expire_time};
}

} // namespace checkout
