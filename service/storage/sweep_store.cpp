#include "storage/sweep_store.h"

#include "storage/discrepancy_store.h"
#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

constexpr int failures_to_come_last = 2;

// Skips what others claim at this moment, so replicas never wait for each other. The rows' own locks last as
// long as this statement; the order's row is not touched. Sessions that Clink answers nothing about come
// after all others: else, while the sweeper may ask one question only, it would always be one of theirs.
constexpr sql_statement claim_due{"claim_due_sessions",
                                  R"sql(
with due as (
    select attempt_id from checkout.sessions
    where next_check_at <= now() and status <> 'creating'
    order by failed_checks > $4, checked_at is not null and next_check_at > now() - $3::bigint * interval '1 second',
        expire_time nulls last
    limit $1
    for no key update skip locked
)
update checkout.sessions s set next_check_at = now() + $2::bigint * interval '1 second'
from due, checkout.orders o
where s.attempt_id = due.attempt_id and o.order_id = s.order_id
returning s.order_id, o.merchant_order_id, s.attempt_id, s.status, s.clink_session_id)sql"};

// Few rows at any time: an index of its own holds those being created.
constexpr sql_statement claim_lapsed{"claim_lapsed_leases",
                                     R"sql(
with due as (
    select attempt_id from checkout.sessions
    where status = 'creating' and lease_until < now() and next_check_at <= now()
    limit $1
    for no key update skip locked
)
update checkout.sessions s set next_check_at = now() + $2::bigint * interval '1 second'
from due, checkout.orders o
where s.attempt_id = due.attempt_id and o.order_id = s.order_id
returning s.order_id, o.merchant_order_id, s.attempt_id, s.status, s.clink_session_id)sql"};

// Of a claim that nothing came of. Who has planned the next look meanwhile may have it sooner than planned,
// no more.
constexpr sql_statement release_claim{
    "give_back_session",
    "update checkout.sessions set next_check_at = now() where attempt_id = $1::uuid and next_check_at > now()"
    " returning attempt_id"};

constexpr sql_statement count_failure{
    "note_failed_check",
    "update checkout.sessions set failed_checks = failed_checks + 1, next_check_at = $2::timestamptz"
    " where attempt_id = $1::uuid and next_check_at is not null returning attempt_id"};

constexpr sql_statement count_search{
    "note_search",
    "update checkout.sessions set checked_at = now(), check_count = check_count + 1, failed_checks = 0,"
    " next_check_at = $2::timestamptz where attempt_id = $1::uuid and released_at is null"
    " and status <> 'creating' returning attempt_id"};

constexpr sql_statement set_stuck{
    "mark_stuck",
    "update checkout.sessions set stuck_at = now() where attempt_id = $1::uuid and stuck_at is null"
    " returning attempt_id"};

due_session read_due(const pqxx::row& row) {
    due_session due{.order = order_key{row["order_id"].as<std::int64_t>()},
                    .order_id = merchant_order_id(row["merchant_order_id"].as<std::string>()),
                    .attempt = attempt_id(row["attempt_id"].as<std::string>()),
                    .status = find_value<session_status>(row["status"].view()).value(),
                    .session_id = {}};
    if (auto id = read_optional_text(row["clink_session_id"]))
        due.session_id = clink_session_id(std::move(*id));
    return due;
}

std::vector<due_session> read_all(const pqxx::result& rows) {
    std::vector<due_session> claimed;
    for (const auto& row : rows)
        claimed.push_back(read_due(row));
    return claimed;
}

} // namespace

boost::asio::awaitable<std::vector<due_session>> sweep_store::claim(int limit, std::chrono::seconds lease,
                                                                    std::chrono::seconds late) {
    return db_.run("claim_due_sessions", operation_mode::statement,
                   [limit, lease, late](db_session& session) {
                       return read_all(
                           session.run(claim_due, limit, lease.count(), late.count(), failures_to_come_last));
                   });
}

boost::asio::awaitable<std::vector<due_session>> sweep_store::claim_leases(int limit,
                                                                           std::chrono::seconds lease) {
    return db_.run("claim_lapsed_leases", operation_mode::statement, [limit, lease](db_session& session) {
        return read_all(session.run(claim_lapsed, limit, lease.count()));
    });
}

boost::asio::awaitable<bool> sweep_store::give_back(attempt_id attempt) {
    return db_.run("give_back_session", operation_mode::statement,
                   [attempt = std::move(attempt)](db_session& session) {
                       return !session.run(release_claim, attempt.str()).empty();
                   });
}

boost::asio::awaitable<bool> sweep_store::note_failure(attempt_id attempt, instant next) {
    return db_.run("note_failed_check", operation_mode::statement,
                   [attempt = std::move(attempt), next](db_session& session) {
                       return !session.run(count_failure, attempt.str(), write_instant(next)).empty();
                   });
}

boost::asio::awaitable<bool>
sweep_store::note_search(std::vector<std::pair<attempt_id, std::optional<instant>>> searched) {
    return db_.run("note_search", operation_mode::transaction,
                   [searched = std::move(searched)](db_session& session) {
                       for (const auto& [attempt, next] : searched)
                           session.run(count_search, attempt.str(), write_instant(next));
                       return true;
                   });
}

boost::asio::awaitable<bool> sweep_store::mark_stuck(order_key order, attempt_id attempt) {
    return db_.run("mark_stuck", operation_mode::transaction,
                   [order, attempt = std::move(attempt)](db_session& session) {
                       if (session.run(set_stuck, attempt.str()).empty())
                           return false;
                       const discrepancy_draft draft{.kind = discrepancy_kind::stuck_unknown,
                                                     .subject = "attempt:" + attempt.str(),
                                                     .attempt = attempt,
                                                     .detail = {}};
                       open_discrepancy(session, order, draft, std::string(to_string(evidence::sweeper)), "");
                       return true;
                   });
}

} // namespace checkout
