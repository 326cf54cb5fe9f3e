#include "storage/discrepancy_store.h"

#include "storage/feed_head.h"
#include "storage/rows.h"
#include "storage/session.h"

namespace checkout {

namespace {

// Found twice is one row: the unique (kind, subject) answers. Only a new row writes an event, and one that is
// opened again: what the service itself had taken for explained and sees again, and what an operator had
// resolved on other facts. One whose order was not known is given it once it is, with an event of that
// order's.
constexpr sql_statement insert_discrepancy{"open_discrepancy",
                                           R"sql(
with d as (
    insert into checkout.discrepancies (kind, subject, order_id, attempt_id, detail)
    values ($1, $2, $3, $4::uuid, $5::jsonb)
    on conflict (kind, subject) do update set state = 'open', detail = excluded.detail, resolved_at = null,
        resolution = null, note = null, resolved_by = null, by_operator = false,
        order_id = coalesce(discrepancies.order_id, excluded.order_id),
        attempt_id = case when discrepancies.order_id is null then excluded.attempt_id else discrepancies.attempt_id end
        where discrepancies.state = 'resolved'
                and (not discrepancies.by_operator or discrepancies.detail <> excluded.detail)
            or discrepancies.state = 'open' and discrepancies.order_id is null and excluded.order_id is not null
    returning order_id, attempt_id, kind
)
insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
select order_id, attempt_id, 'discrepancy_opened', $6, $7, $5::jsonb || jsonb_build_object('discrepancy', kind) from d
where order_id is not null)sql"};

// Two statements, each with an index of its own.
const std::string resolving =
    "with d as (update checkout.discrepancies set state = 'resolved', resolved_at = now(), resolution = $2,"
    " resolved_by = 'service' where kind = $1 and state = 'open' and ";
const std::string noting_it =
    " returning order_id, attempt_id, kind, resolution)"
    " insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)"
    " select order_id, attempt_id, 'discrepancy_resolved', $3, $4,"
    " jsonb_build_object('discrepancy', kind, 'resolution', resolution)"
    " from d where order_id is not null";
const std::string by_subject = resolving + "subject = $5" + noting_it;
const std::string by_order =
    resolving + "order_id = $5 and ($6::uuid is null or attempt_id = $6::uuid)" + noting_it;
const sql_statement resolve_by_subject{"resolve_discrepancy_of_subject", by_subject.c_str()};
const sql_statement resolve_by_order{"resolve_discrepancies_of_order", by_order.c_str()};

// An operator's word, once: the same again changes nothing, another one finds no open row.
constexpr sql_statement resolve_one{"resolve_discrepancy",
                                    R"sql(
with d as (
    update checkout.discrepancies set state = 'resolved', resolved_at = now(), resolution = $2, note = $3, resolved_by = $4,
        by_operator = true
    where discrepancy_id = $1 and state = 'open'
    returning order_id, attempt_id, kind
)
insert into checkout.events (order_id, attempt_id, kind, source, request_id, data)
select order_id, attempt_id, 'discrepancy_resolved', 'operator', $5,
    jsonb_strip_nulls(jsonb_build_object('discrepancy', kind, 'resolution', $2::text, 'note', $3::text, 'by', $4::text))
from d where order_id is not null)sql"};

const std::string select_lines =
    "select d.discrepancy_id, d.kind, d.opened_at, d.detail, d.subject, d.state, d.resolved_at, "
    "d.resolution, d.note,"
    " d.resolved_by, o.merchant_order_id, s.attempt, s.clink_session_id from checkout.discrepancies d"
    " left join checkout.orders o on o.order_id = d.order_id"
    " left join checkout.sessions s on s.attempt_id = d.attempt_id where ";
const std::string page_text =
    select_lines
    + "d.discrepancy_id > $1 and ($2::text is null or d.state = $2) and ($3::text is null or d.kind = $3)"
      " order by d.discrepancy_id limit $4";
const std::string one_text = select_lines + "d.discrepancy_id = $1";
const sql_statement select_page{"list_discrepancies", page_text.c_str()};
const sql_statement select_one{"find_discrepancy", one_text.c_str()};

constexpr sql_statement select_open{
    "select_open_discrepancies", "select discrepancy_id, kind, opened_at, detail from checkout.discrepancies"
                                 " where order_id = $1 and state = 'open' order by discrepancy_id"};

discrepancy_record read_discrepancy(const pqxx::row& row) {
    return {.id = row["discrepancy_id"].as<std::int64_t>(),
            .kind = find_value<discrepancy_kind>(row["kind"].view()).value(),
            .opened_at = read_instant(row["opened_at"]),
            .detail = read_text_object(row["detail"].view())};
}

discrepancy_line read_line(const pqxx::row& row) {
    discrepancy_line line{.found = read_discrepancy(row),
                          .subject = row["subject"].as<std::string>(),
                          .state = row["state"].as<std::string>(),
                          .order_id = {},
                          .attempt = row["attempt"].as<std::optional<int>>(),
                          .session_id = {},
                          .resolved_at = read_optional_instant(row["resolved_at"]),
                          .resolution = read_optional_text(row["resolution"]),
                          .note = read_optional_text(row["note"]),
                          .resolved_by = read_optional_text(row["resolved_by"])};
    if (auto id = read_optional_text(row["merchant_order_id"]))
        line.order_id = merchant_order_id(std::move(*id));
    if (auto id = read_optional_text(row["clink_session_id"]))
        line.session_id = clink_session_id(std::move(*id));
    return line;
}

std::optional<std::int64_t> key_or_null(std::optional<order_key> order) {
    return order ? std::optional(static_cast<std::int64_t>(*order)) : std::nullopt;
}

} // namespace

void open_discrepancy(db_session& session, std::optional<order_key> order, const discrepancy_draft& draft,
                      const std::optional<std::string>& source, const std::string& request_id) {
    session.run(insert_discrepancy, to_string(draft.kind), draft.subject, key_or_null(order),
                write_id(draft.attempt), write_text_object(draft.detail), source, request_id);
}

void close_discrepancies(db_session& session, std::optional<order_key> order,
                         const discrepancy_closing& closing, const std::optional<std::string>& source,
                         const std::string& request_id) {
    const auto kind = to_string(closing.kind);
    if (closing.subject)
        session.run(resolve_by_subject, kind, closing.resolution, source, request_id, *closing.subject);
    else
        session.run(resolve_by_order, kind, closing.resolution, source, request_id, key_or_null(order),
                    write_id(closing.attempt));
}

boost::asio::awaitable<std::vector<discrepancy_record>> discrepancy_store::list_open(order_key order) {
    return db_.run("list_open_discrepancies", operation_mode::read, [order](db_session& session) {
        std::vector<discrepancy_record> found;
        for (const auto& row : session.run(select_open, static_cast<std::int64_t>(order)))
            found.push_back(read_discrepancy(row));
        return found;
    });
}

boost::asio::awaitable<bool> discrepancy_store::open(order_key order, discrepancy_draft draft,
                                                     evidence source, std::string request_id) {
    return db_.run(
        "open_discrepancy", operation_mode::statement,
        [order, draft = std::move(draft), source, request_id = std::move(request_id)](db_session& session) {
            open_discrepancy(session, order, draft, std::string(to_string(source)), request_id);
            return true;
        });
}

boost::asio::awaitable<discrepancy_page> discrepancy_store::list(discrepancy_query query) {
    return db_.run(
        "list_discrepancies", operation_mode::read, [query = std::move(query)](db_session& session) {
            const auto kind = query.kind ? std::optional(std::string(to_string(*query.kind))) : std::nullopt;
            discrepancy_page page{.as_of = read_feed_head(session).complete_to, .lines = {}};
            for (const auto& row : session.run(select_page, query.after, query.state, kind, query.limit))
                page.lines.push_back(read_line(row));
            return page;
        });
}

boost::asio::awaitable<std::optional<discrepancy_line>>
discrepancy_store::resolve(discrepancy_resolution by) {
    return db_.run("resolve_discrepancy", operation_mode::transaction,
                   [by = std::move(by)](db_session& session) -> std::optional<discrepancy_line> {
                       session.run(resolve_one, by.id, by.resolution, by.note, by.actor, by.request_id);
                       const auto found = session.run(select_one, by.id);
                       return found.empty() ? std::nullopt : std::optional(read_line(found.one_row()));
                   });
}

} // namespace checkout
