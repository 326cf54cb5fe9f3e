// P8 as a property: whoever pages the feed while it is written to, numbered and disturbed has, in the end,
// read every event once and in the order that stands. And that the test would notice: the cursor that
// everybody writes first, a plain sequence, is caught by it.
#include "storage/feed_store.h"
#include "support/recorded_orders.h"

#include <doctest/doctest.h>

#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <thread>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

/// A row as a reader had it: its cursor's number, and the event.
struct seen_row {
    std::int64_t number = 0;
    std::int64_t event = 0;
    bool operator==(const seen_row&) const = default;
};

/// Goes on from the last number that it saw, page by page, and keeps what it got.
class page_reader {
public:
    using read_page = std::function<std::vector<seen_row>(std::int64_t after, int limit)>;

    explicit page_reader(read_page read) : read_(std::move(read)) {}

    /// False when there was nothing more.
    bool read_on(int limit) {
        const auto page = read_(seen_.empty() ? 0 : seen_.back().number, limit);
        seen_.insert(seen_.end(), page.begin(), page.end());
        return !page.empty();
    }
    const std::vector<seen_row>& seen() const { return seen_; }

private:
    const read_page read_;
    std::vector<seen_row> seen_;
};

std::int64_t to_number(const report_rows::cell& cell) {
    return std::stoll(std::string(cell.value()));
}

/// As finance reads it.
page_reader::read_page feed_pages(report_store& reports) {
    return [&reports](std::int64_t after, int limit) {
        const auto page = await_result(reports.read_feed(after, limit));
        std::vector<seen_row> rows;
        for (std::size_t i = 0; i < page.rows.size(); ++i)
            rows.push_back({to_number(page.rows.row(i)[0]), to_number(page.rows.row(i)[1])});
        return rows;
    };
}

/// The naive way: the event's own id is the cursor.
page_reader::read_page sequence_pages(sql_connection& database) {
    return [&database](std::int64_t after, int limit) {
        std::vector<seen_row> rows;
        for (const auto& row :
             database
                 .run("select event_id from checkout.events where event_id > " + std::to_string(after)
                      + " order by event_id limit " + std::to_string(limit))
                 .rows)
            rows.push_back({std::stoll(row[0].value()), std::stoll(row[0].value())});
        return rows;
    };
}

/// What a reader who came to the end got wrong, a word for each offence; nothing when it read every event
/// once.
std::string what_is_wrong(sql_connection& database, const std::vector<seen_row>& seen) {
    std::map<std::int64_t, int> times;
    for (const auto& row : database.run("select event_id from checkout.events").rows)
        times[std::stoll(row[0].value())] = 0;
    std::string offences;
    for (const auto& row : seen)
        if (!times.contains(row.event))
            offences += "invented:" + std::to_string(row.event) + " ";
        else
            ++times[row.event];
    for (const auto& [event, count] : times)
        if (count != 1)
            offences += (count == 0 ? "missed:" : "repeated:") + std::to_string(event) + " ";
    return offences;
}

std::string insert_event(const std::string& order, const std::string& data = "{}") {
    return "insert into checkout.events (order_id, kind, data) select order_id, 'something_happened', '"
           + data + "' from checkout.orders where merchant_order_id = '" + order + "' returning event_id";
}

/// Threads that come to their own ends; the first exception among them is join()'s.
class crew {
public:
    ~crew() {
        for (auto& thread : threads_)
            if (thread.joinable())
                thread.join();
    }
    void start(std::function<void()> work) {
        threads_.emplace_back([this, work = std::move(work)] {
            try {
                work();
            } catch (...) {
                const std::lock_guard lock(mutex_);
                if (!error_)
                    error_ = std::current_exception();
            }
        });
    }
    void join() {
        for (auto& thread : threads_)
            thread.join();
        threads_.clear();
        if (error_)
            std::rethrow_exception(error_);
    }

private:
    std::mutex mutex_;
    std::exception_ptr error_;
    std::vector<std::thread> threads_;
};

class at_end_of_scope {
public:
    explicit at_end_of_scope(std::function<void()> act) : act_(std::move(act)) {}
    ~at_end_of_scope() { act_(); }
    at_end_of_scope(const at_end_of_scope&) = delete;
    at_end_of_scope& operator=(const at_end_of_scope&) = delete;

private:
    const std::function<void()> act_;
};

/// Random, but the same for the same seed and number.
class dice {
public:
    dice(unsigned seed, unsigned number) : engine_(seed * 1000 + number) {}
    int up_to(int most) { return std::uniform_int_distribution(0, most)(engine_); }
    void pause(int most_ms) { std::this_thread::sleep_for(std::chrono::milliseconds(up_to(most_ms))); }

private:
    std::mt19937 engine_;
};

constexpr unsigned writers = 8;
constexpr unsigned sequencers = 3;

/// Each complete_to that was seen, with how many events it says are all of those before it.
using claims = std::map<std::string, std::int64_t>;

/// A database whose events are written, numbered and read at the same time.
struct busy_feed {
    explicit busy_feed(unsigned with_seed) : seed(with_seed) { at.begin("ORD-1"); }

    /// Everybody at once may take a slow machine a while.
    static std::string patient(const std::string& url) { return url + " connect_timeout='60'"; }
    std::string service_url() const { return patient(at.server.service_url()); }
    database connect(const std::string& name) const {
        return database(
            {.url = service_url() + " application_name='" + name + "'",
             .connections = 1,
             .queue_length = 16,
             .queue_time = 60s,
             .limits = {.connect = 60s, .statement = 60s, .lock = 60s, .idle_in_transaction = 60s}});
    }
    void write(unsigned number);
    void number(unsigned number);
    void read(unsigned number, page_reader& into);
    void disturb();
    void watch(claims& said);
    void write_slowly();

    const unsigned seed;
    recorded_orders at;
    std::atomic<std::int64_t> last_committed = 0; ///< some event, which whoever writes later knows of
    std::atomic<std::int64_t> claimed = 0;        ///< how many events complete_to has been seen to pass
    std::atomic<bool> written = false;
    std::atomic<bool> quiet = false; ///< everything is written and numbered
};

/// Transactions of one to three events that take their time, of which some are taken back. The first event of
/// each names one that was committed before.
void busy_feed::write(unsigned number) {
    dice random(seed, number);
    sql_connection mine(service_url());
    while (!written) {
        mine.value("begin");
        auto data = "{\"cause\": " + std::to_string(last_committed) + "}";
        std::int64_t last = 0;
        for (int left = random.up_to(2); left >= 0; --left) {
            last = std::stoll(mine.value(insert_event("ORD-1", std::exchange(data, "{}"))));
            random.pause(6);
        }
        if (random.up_to(4) == 0) {
            mine.value("rollback");
        } else {
            mine.value("commit");
            last_committed = last;
        }
    }
}

void busy_feed::number(unsigned number) {
    dice random(seed, number);
    auto db = connect("sequencer");
    feed_store feed(db);
    while (!quiet) {
        try {
            await_result(feed.number_events());
        } catch (const database_unavailable&) {
            // Its connection was ended.
        } catch (const write_in_doubt&) {
            // Likewise, in the middle of a pass.
        }
        random.pause(3);
    }
}

void busy_feed::read(unsigned number, page_reader& into) {
    dice random(seed, number);
    while (!quiet) {
        into.read_on(1 + random.up_to(30));
        random.pause(5);
    }
    while (into.read_on(1000)) {
    }
}

/// Ends sequencers' connections, whatever they are at.
void busy_feed::disturb() {
    sql_connection mine(patient(at.server.superuser_url()));
    while (!written) {
        mine.value(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sequencer'"
            " and datname = current_database() order by random() limit 1");
        std::this_thread::sleep_for(200ms);
    }
}

void busy_feed::watch(claims& said) {
    for (sql_connection mine(service_url()); !quiet; std::this_thread::sleep_for(5ms)) {
        const auto row =
            mine.run("select complete_to, (select count(*) from checkout.feed join checkout.events"
                     " using (event_id) where at < complete_to) from checkout.feed_head")
                .rows.at(0);
        claimed = said.emplace(row[0].value(), std::stoll(row[1].value())).first->second;
    }
}

/// Transactions that take longer than the record needs to be complete, one after the other, until it is to
/// some event.
void busy_feed::write_slowly() {
    sql_connection mine(service_url());
    const auto until = std::chrono::steady_clock::now() + 20s;
    for (int i = 0; i < 2 || (claimed < 100 && std::chrono::steady_clock::now() < until); ++i) {
        mine.value("begin");
        mine.value(insert_event("ORD-1"));
        std::this_thread::sleep_for(1200ms);
        mine.value("commit");
    }
    written = true;
}

} // namespace

TEST_CASE("feed: who pages it while it is written to, numbered and disturbed reads every event once") {
    std::random_device entropy;
    busy_feed busy(entropy() % 1'000'000);
    CAPTURE(busy.seed);
    auto& server = busy.at.server;
    auto first_db = busy.connect("reader");
    auto second_db = busy.connect("reader");
    report_store first_reports(first_db);
    report_store second_reports(second_db);
    page_reader first(feed_pages(first_reports));
    page_reader second(feed_pages(second_reports));
    claims said;
    crew numbering;
    crew reading;
    crew writing;
    const at_end_of_scope end([&busy] { busy.written = busy.quiet = true; });
    for (unsigned i = 0; i < sequencers; ++i)
        numbering.start([&busy, i] { busy.number(100 + i); });
    numbering.start([&busy] { busy.disturb(); });
    reading.start([&] { busy.read(200, first); });
    reading.start([&] { busy.read(201, second); });
    reading.start([&] { busy.watch(said); });
    writing.start([&busy] { busy.write_slowly(); });
    for (unsigned i = 0; i < writers; ++i)
        writing.start([&busy, i] { busy.write(i); });
    writing.join();
    server.superuser().await_value("select count(*) from checkout.feed_pending", "0");
    busy.quiet = true;
    numbering.join();
    reading.join();

    std::vector<seen_row> stands;
    for (const auto& row :
         server.superuser().run("select feed_no, event_id from checkout.feed order by 1").rows)
        stands.push_back({std::stoll(row[0].value()), std::stoll(row[1].value())});
    REQUIRE(busy.claimed >= 100);
    CHECK(what_is_wrong(server.superuser(), stands).empty());
    for (std::size_t i = 0; i < stands.size(); ++i)
        REQUIRE(stands[i].number == static_cast<std::int64_t>(i) + 1);
    CHECK(first.seen() == stands);
    CHECK(second.seen() == stands);
    CHECK(server.superuser().value("select last_no from checkout.feed_head")
          == std::to_string(stands.size()));
    CHECK_MESSAGE(server.superuser().value("select count(*) from reconciliation.events effect"
                                           " join reconciliation.events cause"
                                           " on cause.event_id = (effect.data ->> 'cause')::bigint"
                                           " where cause.feed_no > effect.feed_no")
                      == "0",
                  "no cause comes after its effect");
    for (const auto& [complete_to, count] : said)
        CHECK_MESSAGE(
            server.superuser().value("select count(*) from checkout.events where at < '" + complete_to + "'")
                == std::to_string(count),
            "nothing from before " << complete_to << " appears after it was said");
}

TEST_CASE("feed: an event that commits late is missed by a plain sequence's reader, and not by the feed's") {
    recorded_orders at;
    at.begin("ORD-1");
    feed_store feed(at.db);
    auto& plain = at.server.superuser();
    const auto begun = std::stoll(plain.value("select max(event_id) from checkout.events"));
    REQUIRE(what_is_wrong(plain, {{1, begun}, {2, begun}, {3, 0}})
            == "invented:0 repeated:" + std::to_string(begun) + " ");
    page_reader of_feed(feed_pages(at.reports));
    page_reader of_sequence(sequence_pages(plain));
    const auto read_all = [&] {
        await_result(feed.number_events());
        while (of_feed.read_on(2)) {
        }
        while (of_sequence.read_on(2)) {
        }
    };

    sql_connection late(at.server.service_url());
    late.value("begin");
    const auto first = late.value(insert_event("ORD-1"));
    const auto second = at.server.service().value(insert_event("ORD-1"));
    REQUIRE(std::stoll(first) < std::stoll(second));
    read_all();
    CHECK(what_is_wrong(plain, of_feed.seen()).empty());
    CHECK(what_is_wrong(plain, of_sequence.seen()).empty());
    late.value("commit");
    at.server.service().value(insert_event("ORD-1"));
    read_all();
    CHECK(what_is_wrong(plain, of_feed.seen()).empty());
    CHECK(what_is_wrong(plain, of_sequence.seen()) == "missed:" + first + " ");
}
