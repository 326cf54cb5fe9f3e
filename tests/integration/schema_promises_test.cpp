// What the database holds by itself, whatever the service's code does: tried with plain SQL, both as the role
// that serves and as a superuser.
#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <map>

using namespace checkout;
using namespace checkout::test;

namespace {

constexpr const char* not_null_violation = "23502";
constexpr const char* foreign_key_violation = "23503";
constexpr const char* unique_violation = "23505";
constexpr const char* check_violation = "23514";
constexpr const char* restrict_violation = "23001";
constexpr const char* insufficient_privilege = "42501";

using columns = std::map<std::string, std::string>; // to SQL expressions

std::string insert_into(const std::string& table, const columns& values) {
    std::string names;
    std::string expressions;
    for (const auto& [name, expression] : values) {
        names += (names.empty() ? "" : ", ") + name;
        expressions += (expressions.empty() ? "" : ", ") + expression;
    }
    return "insert into checkout." + table + " (" + names + ") values (" + expressions + ")";
}

columns with(columns values, const columns& changes) {
    for (const auto& [name, expression] : changes)
        values[name] = expression;
    return values;
}

const std::string order_1 = "(select order_id from checkout.orders where merchant_order_id = 'ORD-1')";
const std::string attempt_1 =
    "(select attempt_id from checkout.sessions where order_id = " + order_1 + " order by attempt limit 1)";

/// A second attempt of ORD-1 that the schema takes: dark, never released.
columns dark_session() {
    return {{"attempt_id", "gen_random_uuid()"},
            {"order_id", order_1},
            {"attempt", "2"},
            {"status", "'dark'"},
            {"original_amount", "49.90"},
            {"original_currency", "'USD'"},
            {"ui_mode", "'hostedPage'"},
            {"terms", "'{}'"},
            {"terms_fingerprint", "repeat('a', 64)"}};
}

columns open_session() {
    return with(dark_session(),
                {{"status", "'open'"}, {"released_at", "now()"}, {"clink_session_id", "'sess_2'"}});
}

columns first_payment() {
    return {{"order_id", order_1},           {"attempt_id", attempt_1}, {"kind", "'payment'"},
            {"clink_order_id", "'order_1'"}, {"verdict", "'exact'"},    {"original_amount", "49.90"},
            {"original_currency", "'USD'"},  {"amount_total", "49.90"}, {"payment_currency", "'USD'"},
            {"evidence", "'webhook'"}};
}

/// The service and a superuser are refused alike.
void check_refused(recorded_orders& at, const std::string& sql, const std::string& sqlstate) {
    CAPTURE(sql);
    CHECK(at.server.service().run(sql).sqlstate == sqlstate);
    CHECK(at.server.superuser().run(sql).sqlstate == sqlstate);
}

void check_denied(recorded_orders& at, const std::string& sql) {
    const auto outcome = at.server.service().run(sql);
    CHECK_MESSAGE(outcome.sqlstate == insufficient_privilege, sql);
}

/// Taken; taken back again.
void check_taken(recorded_orders& at, const std::string& sql) {
    REQUIRE(at.server.service().run("begin").done());
    const auto outcome = at.server.service().run(sql);
    CHECK_MESSAGE(outcome.done(), outcome.message);
    REQUIRE(at.server.service().run("rollback").done());
}

std::string update_session(const std::string& assignment) {
    return "update checkout.sessions set " + assignment + " where attempt_id = " + attempt_1;
}

} // namespace

TEST_CASE("schema: an order has one attempt that is being created, and one current session") {
    recorded_orders at;
    const auto creating = with(dark_session(), {{"status", "'creating'"}, {"lease_until", "now()"}});
    const auto attempt = at.begin("ORD-1");
    check_refused(at, insert_into("sessions", creating), unique_violation);
    check_taken(at, insert_into("sessions", dark_session()));

    REQUIRE(at.release(attempt, "sess_1"));
    check_taken(at, insert_into("sessions", creating));
    check_refused(at, insert_into("sessions", open_session()), unique_violation);
    check_refused(at, insert_into("sessions", with(open_session(), {{"status", "'expired'"}})),
                  unique_violation);
    check_taken(at, insert_into("sessions", with(open_session(), {{"superseded_at", "now()"}})));
    check_taken(
        at, insert_into("sessions", with(open_session(), {{"status", "'expired'"}, {"ended_at", "now()"}})));
}

TEST_CASE("schema: an attempt number and a session id of Clink's are used once") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    check_refused(at, insert_into("sessions", with(dark_session(), {{"attempt", "1"}})), unique_violation);
    check_refused(at, insert_into("sessions", with(dark_session(), {{"clink_session_id", "'sess_1'"}})),
                  unique_violation);
    check_refused(at, insert_into("orders", {{"merchant_order_id", "'ORD-1'"}}), unique_violation);
}

TEST_CASE("schema: what was not released shows no handle, and a lease is a creating attempt's alone") {
    recorded_orders at;
    at.begin("ORD-1");
    check_taken(at, insert_into("sessions", dark_session()));
    for (const columns& change : std::vector<columns>{
             {{"url", "'https://pay.example/1'"}},
             {{"released_at", "now()"}, {"clink_session_id", "'sess_2'"}},
             {{"lease_until", "now()"}},
             {{"superseded_at", "now()"}},
             {{"ended_at", "now()"}},
             {{"status", "'refused'"}},
             {{"status", "'open'"}},
             {{"status", "'open'"}, {"released_at", "now()"}},
             {{"status", "'creating'"}},
         })
        check_refused(at, insert_into("sessions", with(dark_session(), change)), check_violation);

    check_taken(at, insert_into("sessions", with(dark_session(), {{"refusal_code", "'answer_mismatch'"}})));
    check_refused(at, update_session("refusal_code = 'no'"), check_violation);

    at.server.service().value(update_session("status = 'dark', lease_until = null"));
    check_refused(at, update_session("url = 'https://pay.example/1'"), check_violation);
    check_refused(at, update_session("status = 'open', url = 'https://pay.example/1'"), check_violation);
}

TEST_CASE("schema: an ended session keeps no page, and only an ended one says that it ended") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    check_refused(at, update_session("status = 'expired', ended_at = now()"), check_violation);
    check_refused(at, update_session("ended_at = now(), url = null"), check_violation);
    check_refused(at, update_session("refusal_code = 'no'"), check_violation);
    check_taken(at, update_session("status = 'expired', ended_at = now(), url = null"));
}

TEST_CASE("schema: money is believed on somebody's evidence, and what is paid stays paid") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    check_refused(at, update_session("payment_status = 'paid'"), check_violation);
    check_refused(at, update_session("payment_status = 'processing'"), check_violation);
    check_refused(at, update_session("payment_status = 'paid', settled_by = 'rumour'"), check_violation);
    at.server.service().value(update_session("payment_status = 'paid', settled_by = 'sweeper'"));
    check_refused(at, update_session("payment_status = 'unpaid'"), restrict_violation);
    check_refused(at, update_session("payment_status = 'processing'"), restrict_violation);
}

TEST_CASE("schema: identity, terms and milestones of a session never change") {
    recorded_orders at;
    const auto old = at.open_session("ORD-1", "sess_1");
    at.begin("ORD-2");
    const auto next = at.begin_next("ORD-1", std::nullopt, old.id).value();
    REQUIRE(at.release(next, "sess_2", old.id));
    at.server.service().value(update_session("status = 'expired', ended_at = now(), url = null"));
    for (const std::string assignment : {
             "order_id = (select order_id from checkout.orders where merchant_order_id = 'ORD-2')",
             "attempt = 7",
             "original_amount = original_amount + 1",
             "original_currency = 'EUR'",
             "terms_fingerprint = repeat('b', 64)",
             "terms = '{\"/originalAmount\": \"1\"}'",
             "clink_session_id = 'sess_9'",
             "clink_session_id = null",
             "released_at = now() + interval '1 second'",
             "released_at = null",
             "superseded_at = null",
             "superseded_at = now() + interval '1 second'",
             "ended_at = null",
             "ended_at = now() + interval '1 second'",
         })
        check_refused(at, update_session(assignment), restrict_violation);
    check_taken(at, update_session("checked_at = now(), check_count = check_count + 1"));
}

TEST_CASE("schema: what is known of a payment never changes") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    at.open_session("ORD-2", "sess_2");
    for (const std::string assignment : {
             "order_id = (select order_id from checkout.orders where merchant_order_id = 'ORD-2')",
             "attempt_id = (select attempt_id from checkout.sessions where clink_session_id = 'sess_2')",
             "kind = 'renewal'",
             "original_amount = 1",
             "recorded_at = recorded_at + interval '1 second'",
             "clink_order_id = 'order_other'",
             "clink_order_id = null",
             "amount_total = 1",
             "amount_total = null",
             "payment_currency = 'EUR'",
         })
        check_refused(at, "update checkout.payments set " + assignment, restrict_violation);
    check_taken(at, "update checkout.payments set refunded_amount = 1, invoice_id = 'inv_1'");
    check_refused(at, "update checkout.payments set refunded_amount = -1", restrict_violation);
}

TEST_CASE("schema: a successful order of Clink's is one payment") {
    recorded_orders at;
    at.open_session("ORD-1", "sess_1");
    at.server.service().value(insert_into("payments", first_payment()));
    check_refused(at, insert_into("payments", first_payment()), unique_violation);

    const auto without_id = with(first_payment(), {{"clink_order_id", "null"}});
    at.server.service().value(insert_into("payments", without_id));
    check_refused(at, insert_into("payments", without_id), unique_violation);
    check_taken(at, insert_into("payments", with(first_payment(), {{"clink_order_id", "'order_2'"}})));
    for (const columns& change : std::vector<columns>{
             {{"clink_order_id", "''"}},
             {{"kind", "'gift'"}},
             {{"verdict", "'fine'"}},
             {{"evidence", "'rumour'"}},
             {{"amount_total", "null"}},
             {{"payment_currency", "null"}},
             {{"refunded_amount", "-1"}},
             {{"clink_refund_extent", "'most'"}},
         })
        check_refused(at, insert_into("payments", with(first_payment(), change)), check_violation);
}

TEST_CASE("schema: events are kept as they were written, whoever asks") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    const std::string count = "select count(*) from checkout.events";
    const auto before = at.server.superuser().value(count);
    const std::vector<std::string> changes{"update checkout.events set kind = 'other'",
                                           "delete from checkout.events", "truncate checkout.events cascade",
                                           "truncate checkout.orders cascade"};
    for (const std::string replication : {"origin", "replica", "local"}) {
        REQUIRE(at.server.superuser().run("set session_replication_role = " + replication).done());
        for (const auto& sql : changes)
            CHECK_MESSAGE(at.server.superuser().run(sql).sqlstate == restrict_violation, replication, sql);
    }
    REQUIRE(at.server.superuser().run("reset session_replication_role").done());
    for (const auto& sql : changes) {
        CHECK_MESSAGE(at.server.owner().run(sql).sqlstate == restrict_violation, sql);
        check_denied(at, sql);
    }
    CHECK(at.server.superuser().value(count) == before);
}

TEST_CASE("schema: orders, sessions and payments are deleted by nobody") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    for (const std::string table : {"payments", "sessions", "orders"}) {
        const auto sql = "delete from checkout." + table;
        CHECK_MESSAGE(at.server.superuser().run(sql).sqlstate == restrict_violation, sql);
        CHECK_MESSAGE(at.server.owner().run(sql).sqlstate == restrict_violation, sql);
        check_denied(at, sql);
        check_denied(at, "truncate checkout." + table + " cascade");
    }
}

TEST_CASE("schema: the role that serves can read and write the record, and nothing else") {
    recorded_orders at;
    at.paid_order("ORD-1", "sess_1");
    CHECK(at.server.service().value("select max(version) > 0 from checkout.schema_migrations") == "t");
    for (const std::string sql : {
             "insert into checkout.schema_migrations (version, name, checksum) values (99, 'x', 'x')",
             "update checkout.schema_migrations set checksum = 'x'",
             "delete from checkout.schema_migrations",
             "delete from checkout.discrepancies",
             "truncate checkout.discrepancies",
             "create table checkout.mine (id int)",
             "create table public.mine (id int)",
             "create schema mine",
             "create role test_other_role",
             "alter table checkout.events disable trigger all",
             "alter table checkout.orders add column mine int",
             "drop table checkout.events",
             "drop schema checkout cascade",
             "create trigger mine before insert on checkout.orders for each row"
             " execute function checkout.refuse_change()",
             "set session_replication_role = replica",
         })
        check_denied(at, sql);
}

TEST_CASE("schema: the tables belong to the migrating role") {
    test_database database;
    CHECK(database.superuser().value("select count(distinct tableowner) from pg_tables"
                                     " where schemaname = 'checkout'")
          == "1");
    CHECK(database.superuser().value("select distinct tableowner like '%\\_owner' from pg_tables"
                                     " where schemaname = 'checkout'")
          == "t");
    CHECK(database.superuser().value("select rolcanlogin or rolsuper or rolcreaterole from pg_roles"
                                     " where rolname = 'checkout_service'")
          == "f");
}

TEST_CASE("schema: values that mean nothing are refused") {
    recorded_orders at;
    at.begin("ORD-1");
    for (const std::string id : {"null", ".", "..", ""})
        check_refused(at, insert_into("orders", {{"merchant_order_id", "'" + id + "'"}}), check_violation);
    check_refused(at, insert_into("orders", {{"merchant_order_id", "repeat('x', 129)"}}), check_violation);
    check_refused(at, insert_into("orders", {{"merchant_order_id", "repeat('é', 65)"}}), check_violation);
    check_refused(at, insert_into("orders", {{"merchant_order_id", "null"}}), not_null_violation);
    check_taken(at, insert_into("orders", {{"merchant_order_id", "repeat('x', 128)"}}));
    check_taken(at, insert_into("orders", {{"merchant_order_id", "'NULL'"}}));

    for (const columns& change : std::vector<columns>{
             {{"original_amount", "0"}},
             {{"original_amount", "-1"}},
             {{"original_amount", "1e15"}},
             {{"original_amount", "'NaN'"}},
             {{"original_currency", "'usd'"}},
             {{"original_currency", "'US'"}},
             {{"original_currency", "'USDT'"}},
             {{"original_currency", "E'USD\\n'"}},
             {{"attempt", "0"}},
             {{"status", "'lost'"}},
             {{"payment_status", "'maybe'"}},
             {{"ui_mode", "'popup'"}},
             {{"clink_session_id", "''"}},
             {{"terms", "'[]'"}},
             {{"terms_fingerprint", "'x'"}},
             {{"success_url", "repeat('x', 2049)"}},
         })
        check_refused(at, insert_into("sessions", with(dark_session(), change)), check_violation);
    check_refused(at, insert_into("sessions", with(dark_session(), {{"order_id", "0"}})),
                  foreign_key_violation);
    check_refused(at, insert_into("sessions", with(dark_session(), {{"supersedes", "gen_random_uuid()"}})),
                  foreign_key_violation);
}

TEST_CASE("schema: an order's state agrees with its payments") {
    recorded_orders at;
    at.begin("ORD-1");
    for (const std::string assignment : {"state = 'paid'", "state = 'cancelled'", "payment_count = 1",
                                         "payment_count = -1", "state = 'lost'", "last_attempt = 0"})
        check_refused(at, "update checkout.orders set " + assignment, check_violation);
    check_taken(at, "update checkout.orders set state = 'cancelled', cancelled_at = now()");
    check_taken(at, "update checkout.orders set state = 'overpaid', payment_count = 2");
}

TEST_CASE("schema: an event and a discrepancy name what exists, in words that are known") {
    recorded_orders at;
    at.begin("ORD-1");
    const columns event{{"order_id", order_1}, {"kind", "'something_happened'"}};
    check_taken(at, insert_into("events", event));
    check_refused(at, insert_into("events", with(event, {{"kind", "'Not a word'"}})), check_violation);
    check_refused(at, insert_into("events", with(event, {{"data", "'[]'"}})), check_violation);
    check_refused(at, insert_into("events", with(event, {{"order_id", "0"}})), foreign_key_violation);
    check_refused(at, insert_into("events", with(event, {{"attempt_id", "gen_random_uuid()"}})),
                  foreign_key_violation);

    const columns found{{"kind", "'stuck_unknown'"}, {"subject", "'attempt:1'"}, {"order_id", order_1}};
    check_taken(at, insert_into("discrepancies", found));
    check_refused(at, insert_into("discrepancies", with(found, {{"kind", "'oddity'"}})), check_violation);
    check_refused(at, insert_into("discrepancies", with(found, {{"state", "'resolved'"}})), check_violation);
    at.server.service().value(insert_into("discrepancies", found));
    check_refused(at, insert_into("discrepancies", found), unique_violation);
}
