#include "storage/discrepancy_store.h"

#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

// Found twice is one row: the unique (kind, subject) answers, and only a new row writes an event.
constexpr sql_statement insert_discrepancy{"open_discrepancy",
                                           R"sql(
with d as (
    insert into checkout.discrepancies (kind, subject, order_id, attempt_id, detail)
    values ($1, $2, $3, $4::uuid, $5::jsonb)
    on conflict (kind, subject) do nothing
    returning order_id, attempt_id, kind
)
insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
select order_id, attempt_id, 'discrepancy_opened', $6, $7, $5::jsonb || jsonb_build_object('discrepancy', kind) from d)sql"};

constexpr sql_statement select_open{
    "select_open_discrepancies", "select discrepancy_id, kind, opened_at, detail from checkout.discrepancies"
                                 " where order_id = $1 and state = 'open' order by discrepancy_id"};

discrepancy_record read_discrepancy(const pqxx::row& row) {
    return {.id = row["discrepancy_id"].as<std::int64_t>(),
            .kind = find_value<discrepancy_kind>(row["kind"].view()).value(),
            .opened_at = read_instant(row["opened_at"]),
            .detail = read_text_object(row["detail"].view())};
}

} // namespace

void open_discrepancy(db_session& session, order_key order, const discrepancy_draft& draft,
                      const std::optional<std::string>& source, const std::string& request_id) {
    session.run(insert_discrepancy, to_string(draft.kind), draft.subject, static_cast<std::int64_t>(order),
                draft.attempt.str(), write_text_object(draft.detail), source, request_id);
}

boost::asio::awaitable<std::vector<discrepancy_record>> discrepancy_store::list_open(order_key order) {
    return db_.run("list_open_discrepancies", operation_mode::read, [order](db_session& session) {
        std::vector<discrepancy_record> found;
        for (const auto& row : session.run(select_open, static_cast<std::int64_t>(order)))
            found.push_back(read_discrepancy(row));
        return found;
    });
}

} // namespace checkout
