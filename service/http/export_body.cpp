#include "http/export_body.h"

#include "observe/log.h"

#include <chrono>
#include <exception>
#include <utility>

namespace checkout {

namespace asio = boost::asio;

namespace {

class export_body final : public body_source {
public:
    export_body(std::unique_ptr<export_job> job, report_name report, call_context context)
        : job_(std::move(job)),
          report_(report),
          context_(std::move(context)) {}

    /// The reader has gone, or the report broke off, unless its end was reached.
    ~export_body() override { write_end(whole_ ? "export_finished" : "export_broken_off"); }

    asio::awaitable<std::optional<std::string>> next() override {
        try {
            auto piece = co_await job_->next();
            whole_ = !piece;
            bytes_ += piece ? static_cast<std::int64_t>(piece->size()) : 0;
            co_return piece;
        } catch (const std::exception& error) {
            failure_ = error.what();
            throw;
        }
    }

    std::vector<http_header> trailers() override {
        return {{"Row-Count", std::to_string(job_->rows())}, {"Totals", job_->totals()}};
    }

private:
    using clock = std::chrono::steady_clock;

    void write_end(std::string_view event) const {
        const auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - since_);
        write_log(whole_ ? log_level::info : log_level::warning, event, context_,
                  {{"report", to_string(report_)},
                   {"rows", whole_ ? json_value(job_->rows()) : json_value()},
                   {"bytes", bytes_},
                   {"detail", failure_},
                   {"duration_ms", static_cast<std::int64_t>(taken.count())}});
    }

    std::unique_ptr<export_job> job_;
    const report_name report_;
    const call_context context_;
    const clock::time_point since_ = clock::now();
    std::int64_t bytes_ = 0;
    bool whole_ = false;
    json_value failure_; ///< why the report broke off; null: its reader has gone
};

} // namespace

http_response export_answer(std::unique_ptr<export_job> job, report_name report, row_format format,
                            instant as_of, call_context context) {
    const bool csv = format == row_format::csv;
    http_response response;
    response.set("Content-Type", csv ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson");
    response.set("Content-Disposition",
                 "attachment; filename=\"" + std::string(to_string(report)) + (csv ? ".csv\"" : ".ndjson\""));
    response.set("Cache-Control", "no-store");
    response.set("As-Of", to_rfc3339_micros(as_of));
    response.set("Trailer", "Row-Count, Totals");
    response.source = std::make_shared<export_body>(std::move(job), report, std::move(context));
    return response;
}

} // namespace checkout
