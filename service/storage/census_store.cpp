#include "storage/census_store.h"

#include "observe/crash_point.h"
#include "storage/discrepancy_store.h"
#include "storage/rows.h"
#include "storage/session.h"
#include "json/json.h"

#include <set>

namespace checkout {

namespace {

constexpr sql_statement abandon_old{"abandon_old_census",
                                    "update checkout.censuses set state = 'abandoned' where state = 'running'"
                                    " and started_at < now() - make_interval(secs => $1)"};

constexpr sql_statement insert_census{
    "insert_census", "insert into checkout.censuses (from_time, to_time, whole_list, list_done)"
                     " values ($1::timestamptz, $2::timestamptz, $3, not $3)"
                     " on conflict (from_time, to_time, whole_list) where state = 'running' do nothing"
                     " returning census_id"};

constexpr sql_statement insert_orders{"insert_census_orders",
                                      R"sql(
with scope as (
    select census_id, from_time, to_time from checkout.censuses where census_id = $1
), listed as (
    insert into checkout.census_orders (census_id, order_id)
    select census_id, order_id from scope, lateral (
        select order_id from checkout.sessions where created_at >= from_time and created_at < to_time
        union
        select order_id from checkout.payments where recorded_at >= from_time and recorded_at < to_time
        union
        select order_id from checkout.refunds
        where recorded_at >= from_time and recorded_at < to_time and order_id is not null
    ) found
    returning order_id
)
update checkout.censuses set order_count = (select count(*) from listed) where census_id = $1)sql"};

constexpr sql_statement find_running{"find_running_census",
                                     "select census_id, started_at, order_count from checkout.censuses"
                                     " where from_time = $1::timestamptz and to_time = $2::timestamptz"
                                     " and whole_list = $3 and state = 'running'"};

constexpr sql_statement claim_orders{"claim_census_orders",
                                     R"sql(
with due as (
    select census_id, order_id from checkout.census_orders
    where census_id = $1 and result is null and (lease_until is null or lease_until < now())
    order by order_id limit $2 for update skip locked
)
update checkout.census_orders c set lease_until = now() + make_interval(secs => $3), tries = tries + 1
from due join checkout.orders o using (order_id)
where c.census_id = due.census_id and c.order_id = due.order_id
returning c.order_id, o.merchant_order_id, c.tries)sql"};

constexpr sql_statement postpone_order{
    "postpone_census_order",
    "update checkout.census_orders set lease_until = now() + make_interval(secs => $3)"
    " where census_id = $1 and order_id = $2 and result is null"};

// As if it had not been claimed.
constexpr sql_statement give_back_order{
    "give_back_census_order",
    "update checkout.census_orders set lease_until = null, tries = greatest(tries - 1, 0)"
    " where census_id = $1 and order_id = $2 and result is null"};

constexpr sql_statement set_result{
    "set_census_result", "update checkout.census_orders set result = $3::jsonb, lease_until = null"
                         " where census_id = $1 and order_id = $2 and result is null returning order_id"};

constexpr sql_statement has_open{
    "has_open_discrepancies",
    "select 1 from checkout.discrepancies where order_id = $1 and state = 'open' limit 1"};

constexpr sql_statement count_open{"count_census_open",
                                   R"sql(
select (select count(*) from checkout.census_orders where census_id = $1 and result is null) as open,
    (select count(*) from checkout.census_orders where census_id = $1 and result is null and lease_until > now()) as claimed,
    list_done, list_page
from checkout.censuses where census_id = $1)sql"};

constexpr sql_statement find_payments{
    "find_recorded_orders",
    "select clink_order_id from checkout.payments where clink_order_id = any ($1::text[])"};

constexpr sql_statement find_references{"find_references", "select merchant_order_id from checkout.orders"
                                                           " where merchant_order_id = any ($1::text[])"};

constexpr sql_statement insert_order{"insert_census_order",
                                     R"sql(
with added as (
    insert into checkout.census_orders (census_id, order_id)
    select $1, order_id from checkout.orders where merchant_order_id = $2 on conflict do nothing
    returning order_id
)
update checkout.censuses set order_count = order_count + (select count(*) from added) where census_id = $1)sql"};

constexpr sql_statement insert_stray{
    "insert_census_stray", "insert into checkout.census_strays (census_id, clink_order_id, currency, amount)"
                           " values ($1, $2, $3, $4::numeric) on conflict do nothing"};

constexpr sql_statement set_page{"set_census_page",
                                 "update checkout.censuses set list_page = coalesce($2::integer, list_page),"
                                 " list_done = list_done or $2::integer is null where census_id = $1"};

constexpr sql_statement sum_lines{"sum_census",
                                  R"sql(
select result, currency, sum(count)::bigint as count, sum(amount) as amount from (
select line ->> 'result' as result, line ->> 'currency' as currency, count(*) as count,
    sum((line ->> 'amount')::numeric) as amount
from checkout.census_orders, jsonb_array_elements(result) line where census_id = $1 group by 1, 2
union all
select 'unknown', currency, count(*), sum(coalesce(amount, 0)) from checkout.census_strays where census_id = $1 group by 2
union all
select 'not_answered', null, 1, 0 from checkout.censuses where census_id = $1 and not list_done
) lines group by 1, 2 order by 1, 2)sql"};

constexpr sql_statement count_scope{"count_census_scope",
                                    R"sql(
select c.state, c.order_count, clock_timestamp() as at,
    (select count(*) from checkout.census_orders m join checkout.sessions s using (order_id) where m.census_id = c.census_id)
        as sessions,
    (select count(*) from checkout.census_orders m join checkout.discrepancies d using (order_id)
        where m.census_id = c.census_id and d.state = 'open')
        + (select count(*) from checkout.discrepancies d where c.whole_list and d.order_id is null and d.state = 'open') as open
from checkout.censuses c where c.census_id = $1)sql"};

constexpr sql_statement finish_census{
    "finish_census", "update checkout.censuses set state = 'finished', certificate = $2::jsonb,"
                     " finished_at = now() where census_id = $1 and state = 'running' returning census_id"};
constexpr sql_statement drop_orders{"drop_census_orders",
                                    "delete from checkout.census_orders where census_id = $1"};
constexpr sql_statement drop_strays{"drop_census_strays",
                                    "delete from checkout.census_strays where census_id = $1"};

constexpr sql_statement select_certificate{
    "select_certificate",
    "select certificate from checkout.censuses where census_id = $1 and state = 'finished'"};

std::int64_t key(census_id census) {
    return static_cast<std::int64_t>(census);
}
std::int64_t key(order_key order) {
    return static_cast<std::int64_t>(order);
}

std::string write_lines(const std::vector<census_line>& lines) {
    json_array list;
    for (const auto& line : lines)
        list.push_back(json_object{{"result", to_string(line.result)},
                                   {"currency", line.currency ? json_value(*line.currency) : json_value()},
                                   {"amount", line.amount.to_string()}});
    return write_json(list);
}

/// A text array's literal, every element quoted.
std::string write_text_array(const std::vector<std::string>& values) {
    std::string text = "{";
    for (const auto& value : values) {
        text += text.size() > 1 ? ",\"" : "\"";
        for (const char c : value) {
            if (c == '"' || c == '\\')
                text += '\\';
            text += c;
        }
        text += '"';
    }
    return text + "}";
}

std::set<std::string> find_texts(db_session& session, const sql_statement& statement,
                                 const std::vector<std::string>& values) {
    std::set<std::string> found;
    for (const auto& row : session.run(statement, write_text_array(values)))
        found.insert(row[0].as<std::string>());
    return found;
}

census_record read_running(db_session& session, const census_scope& scope, bool taken_up) {
    const auto row =
        session.run(find_running, write_instant(scope.from), write_instant(scope.to), scope.whole_list)
            .one_row();
    return {.id = census_id{row["census_id"].as<std::int64_t>()},
            .taken_up = taken_up,
            .started_at = read_instant(row["started_at"]),
            .order_count = row["order_count"].as<std::int64_t>()};
}

std::vector<listed_order> keep_unrecorded(db_session& session, std::vector<listed_order> paid) {
    std::vector<std::string> ids;
    std::vector<std::string> references;
    for (const auto& order : paid) {
        ids.push_back(order.id.str());
        if (order.reference)
            references.push_back(order.reference->str());
    }
    const auto recorded = find_texts(session, find_payments, ids);
    const auto known = find_texts(session, find_references, references);
    std::erase_if(paid, [&](const listed_order& order) { return recorded.contains(order.id.str()); });
    for (auto& order : paid)
        if (order.reference && !known.contains(order.reference->str()))
            order.reference.reset();
    return paid;
}

} // namespace

boost::asio::awaitable<census_record> census_store::begin(census_scope scope, std::chrono::hours too_old) {
    return db_.run("begin_census", operation_mode::transaction, [scope, too_old](db_session& session) {
        session.run(abandon_old, std::chrono::seconds(too_old).count());
        const auto made =
            session.run(insert_census, write_instant(scope.from), write_instant(scope.to), scope.whole_list);
        if (!made.empty())
            session.run(insert_orders, made.one_row()["census_id"].as<std::int64_t>());
        return read_running(session, scope, made.empty());
    });
}

boost::asio::awaitable<std::vector<claimed_order>> census_store::claim(census_id census, int at_most,
                                                                       std::chrono::seconds lease) {
    return db_.run("claim_census_orders", operation_mode::statement,
                   [census, at_most, lease](db_session& session) {
                       std::vector<claimed_order> claimed;
                       for (const auto& row : session.run(claim_orders, key(census), at_most, lease.count()))
                           claimed.push_back({order_key{row["order_id"].as<std::int64_t>()},
                                              merchant_order_id(row["merchant_order_id"].as<std::string>()),
                                              row["tries"].as<int>()});
                       return claimed;
                   });
}

boost::asio::awaitable<bool> census_store::postpone(census_id census, order_key order,
                                                    std::chrono::seconds pause) {
    return db_.run("postpone_census_order", operation_mode::statement,
                   [census, order, pause](db_session& session) {
                       session.run(postpone_order, key(census), key(order), pause.count());
                       return true;
                   });
}

boost::asio::awaitable<bool> census_store::give_back(census_id census, order_key order) {
    return db_.run("give_back_census_order", operation_mode::statement, [census, order](db_session& session) {
        session.run(give_back_order, key(census), key(order));
        return true;
    });
}

boost::asio::awaitable<bool> census_store::record(census_id census, order_key order, order_census found,
                                                  std::string request_id) {
    return db_.run(
        "record_census_order", operation_mode::transaction,
        [census, order, found = std::move(found), request_id = std::move(request_id)](db_session& session) {
            if (session.run(set_result, key(census), key(order), write_lines(found.lines)).empty())
                return false;
            const std::string source(to_string(evidence::reconcile));
            if (!session.run(has_open, key(order)).empty())
                for (const auto& closing : found.explained)
                    close_discrepancies(session, order, closing, source, request_id);
            for (const auto& draft : found.found)
                open_discrepancy(session, order, draft, source, request_id);
            crash_point("census.recorded");
            return true;
        });
}

boost::asio::awaitable<census_progress> census_store::look(census_id census) {
    return db_.run("look_at_census", operation_mode::read, [census](db_session& session) {
        const auto row = session.run(count_open, key(census)).one_row();
        return census_progress{.open = row["open"].as<std::int64_t>(),
                               .claimed = row["claimed"].as<std::int64_t>(),
                               .list_done = row["list_done"].as<bool>(),
                               .list_page = row["list_page"].as<int>()};
    });
}

boost::asio::awaitable<std::vector<listed_order>>
census_store::find_unrecorded(std::vector<listed_order> paid) {
    return db_.run("find_unrecorded_orders", operation_mode::read,
                   [paid = std::move(paid)](db_session& session) { return keep_unrecorded(session, paid); });
}

boost::asio::awaitable<bool> census_store::add_order(census_id census, merchant_order_id order) {
    return db_.run("add_census_order", operation_mode::statement,
                   [census, order = std::move(order)](db_session& session) {
                       session.run(insert_order, key(census), order.str());
                       return true;
                   });
}

boost::asio::awaitable<bool> census_store::record_stray(census_id census, listed_order stray,
                                                        std::string request_id) {
    return db_.run(
        "record_census_stray", operation_mode::transaction,
        [census, stray = std::move(stray), request_id = std::move(request_id)](db_session& session) {
            session.run(insert_stray, key(census), stray.id.str(), stray.currency,
                        write_decimal(stray.amount));
            discrepancy_draft draft{.kind = discrepancy_kind::orphan_event,
                                    .subject = subject_of_order(stray.id),
                                    .attempt = {},
                                    .detail = {{"clinkOrderId", stray.id.str()}}};
            if (stray.session_id)
                draft.detail["sessionId"] = stray.session_id->str();
            open_discrepancy(session, std::nullopt, draft, std::string(to_string(evidence::reconcile)),
                             request_id);
            return true;
        });
}

boost::asio::awaitable<bool> census_store::note_page(census_id census, std::optional<int> next) {
    return db_.run("note_census_page", operation_mode::statement, [census, next](db_session& session) {
        session.run(set_page, key(census), next);
        return true;
    });
}

boost::asio::awaitable<std::optional<census_sums>> census_store::add_up(census_id census) {
    return db_.run("add_up_census", operation_mode::read,
                   [census](db_session& session) -> std::optional<census_sums> {
                       census_sums sums;
                       for (const auto& row : session.run(sum_lines, key(census)))
                           sums.lines.push_back({.result = find_census_result(row["result"].view()).value(),
                                                 .currency = read_optional_text(row["currency"]),
                                                 .count = row["count"].as<std::int64_t>(),
                                                 .amount = row["amount"].as<std::string>()});
                       // Afterwards: a census that has ended meanwhile has no lines any more.
                       const auto scope = session.run(count_scope, key(census)).one_row();
                       if (scope["state"].view() != "running")
                           return std::nullopt;
                       sums.orders = scope["order_count"].as<std::int64_t>();
                       sums.sessions = scope["sessions"].as<std::int64_t>();
                       sums.open_discrepancies = scope["open"].as<std::int64_t>();
                       sums.now = read_instant(scope["at"]);
                       return sums;
                   });
}

boost::asio::awaitable<bool> census_store::finish(census_id census, std::string certificate) {
    return db_.run("finish_census", operation_mode::transaction,
                   [census, certificate = std::move(certificate)](db_session& session) {
                       if (session.run(finish_census, key(census), certificate).empty())
                           return false;
                       session.run(drop_orders, key(census));
                       session.run(drop_strays, key(census));
                       return true;
                   });
}

boost::asio::awaitable<std::optional<std::string>> census_store::find_certificate(census_id census) {
    return db_.run("find_certificate", operation_mode::read,
                   [census](db_session& session) -> std::optional<std::string> {
                       const auto found = session.run(select_certificate, key(census));
                       return found.empty() ? std::nullopt
                                            : std::optional(found.one_row()[0].as<std::string>());
                   });
}

} // namespace checkout
