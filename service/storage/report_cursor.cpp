#include "storage/report_cursor.h"

#include "observe/log.h"
#include "storage/answer_watch.h"
#include "storage/database.h"
#include "storage/feed_head.h"
#include "storage/report_select.h"

#include <optional>

namespace checkout {

namespace {

using namespace std::chrono_literals;

/// The name is what the sequencer knows exports by (feed_store.cpp).
constexpr const char* name_statement = "; set application_name = 'clink-checkout export'";
/// A plan that follows the index begins at once and keeps nothing, however long the report: no other is
/// wanted.
constexpr const char* plan_settings = "set local cursor_tuple_fraction = 0.0001; set local enable_hashjoin = "
                                      "off; set local enable_mergejoin = off";
constexpr const char* fetch_rows = "fetch 1000 from report";

// Of an export: what its reader may take between two batches, and the server for one.
constexpr connection_limits limits{.connect = 10s, .statement = 300s, .lock = 2s, .idle_in_transaction = 60s};

} // namespace

class report_cursor::impl {
public:
    impl(const std::string& url, const report_query& query)
        : columns_(columns_of(query.report).size()),
          fetch_(fetch_rows + trace_comment(query.context)),
          link_(complete_conninfo(url, limits)),
          socket_(link_.sock()),
          watch_(limits) {
        answer_watch::wait answer(watch_, socket_);
        link_.set_verbosity(pqxx::error_verbosity::terse);
        pqxx::nontransaction(link_).exec(limit_statement(limits) + name_statement);
        work_.emplace(link_);
        as_of_ = read_feed_head(*work_).complete_to;
        const auto numbers = find_feed_range(*work_, query);
        work_->exec(plan_settings);
        answer.renew();
        auto select = select_report(query, std::nullopt, 0, numbers);
        work_->exec("declare report no scroll cursor for " + select.text, select.values);
    }

    /// A snapshot that is not at its end is taken back, which is a statement, too.
    ~impl() {
        const answer_watch::wait answer(watch_, socket_);
        work_.reset();
    }

    instant as_of() const { return as_of_; }

    report_rows next() {
        const answer_watch::wait answer(watch_, socket_);
        auto found = work_->exec(fetch_);
        return take_rows(std::move(found), columns_);
    }

    void cancel() { link_.cancel_query(); }

private:
    using snapshot = pqxx::transaction<pqxx::isolation_level::repeatable_read, pqxx::write_policy::read_only>;

    const std::size_t columns_;
    const std::string fetch_;
    pqxx::connection link_;
    const duplicated_socket socket_;
    answer_watch watch_;
    std::optional<snapshot> work_;
    instant as_of_{};
};

namespace {

[[noreturn]] void give_up(const call_context& context, const std::exception& error) {
    write_log(log_level::warning, "database_operation_failed", context,
              {{"operation", "export"}, {"detail", error.what()}});
    throw database_unavailable("the database did not give the whole report");
}

} // namespace

report_cursor::report_cursor(const std::string& url, const report_query& query) : context_(query.context) {
    try {
        impl_ = std::make_unique<impl>(url, query);
    } catch (const pqxx::failure& error) {
        give_up(context_, error);
    }
}

report_cursor::~report_cursor() = default;

instant report_cursor::as_of() const {
    return impl_->as_of();
}

report_rows report_cursor::next() {
    try {
        return impl_->next();
    } catch (const pqxx::failure& error) {
        give_up(context_, error);
    }
}

void report_cursor::cancel() noexcept {
    try {
        impl_->cancel();
    } catch (const std::exception&) {
        // The statement's own time-out ends it.
    }
}

} // namespace checkout
