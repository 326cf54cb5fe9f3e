#include "observe/log.h"
#include "support/clink_under_test.h"

#include <boost/asio/ip/tcp.hpp>
#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

// What a create comes to when the peer does that with its one request.
exchange_report report_of_create(scripted_peer::script script, std::chrono::milliseconds timeout = 10s) {
    const scripted_peer peer({std::move(script)});
    clink_under_test tested(peer.base_url(), timeout);
    auto exchange = tested.create();
    CHECK(peer.accepted() == 1);
    CHECK(exchange.answer.has_value() == (exchange.report.outcome == exchange_outcome::accepted));
    return exchange.report;
}

std::uint16_t port_nobody_listens_on() {
    boost::asio::io_context io;
    const boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
    return acceptor.local_endpoint().port();
}

// Standard error, caught for as long as it lives.
class caught_stderr {
public:
    caught_stderr() : file_(std::tmpfile()), saved_(::dup(STDERR_FILENO)) {
        ::dup2(::fileno(file_), STDERR_FILENO);
    }
    ~caught_stderr() {
        ::dup2(saved_, STDERR_FILENO);
        ::close(saved_);
        std::fclose(file_);
    }
    std::string text() {
        std::string all(static_cast<std::size_t>(::lseek(::fileno(file_), 0, SEEK_END)), '\0');
        const auto read = ::pread(::fileno(file_), all.data(), all.size(), 0);
        all.resize(static_cast<std::size_t>(std::max<ssize_t>(read, 0)));
        return all;
    }

private:
    std::FILE* file_;
    int saved_;
};

std::int64_t unix_milliseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

} // namespace

TEST_CASE("clink client: a create as Clink sees it") {
    const scripted_peer peer({answering(200, created_body)});
    clink_under_test tested(peer.base_url());
    auto command = clink_command();
    const std::string traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    command.context.trace = parse_traceparent(traceparent).value();
    command.context.trace.tracestate = "congo=t61rcWkgMzE";
    const auto before = unix_milliseconds();
    const auto exchange = run(tested.io, tested.client.create_session(command));

    REQUIRE(exchange.answer);
    CHECK(exchange.report.outcome == exchange_outcome::accepted);
    CHECK(exchange.report.http_status == 200);
    CHECK(exchange.report.code == "200");
    CHECK(exchange.answer->session_id == clink_session_id("sess_1"));
    CHECK(exchange.answer->original_amount == decimal::parse("49.9"));
    CHECK(exchange.report.sanitised_body.find("tok_1") == std::string::npos);
    CHECK(exchange.report.sanitised_body.find("pay.example") == std::string::npos);
    CHECK(exchange.report.sanitised_body.find("49.90") != std::string::npos);

    const auto request = peer.requests().at(0);
    CHECK(request.line() == "POST /api/checkout/session HTTP/1.1");
    CHECK(request.header("Host") == "127.0.0.1:" + std::to_string(peer.port()));
    CHECK(request.header("X-API-KEY") == clink_api_key);
    CHECK(request.header("Content-Type") == "application/json");
    CHECK(request.header("Accept") == "application/json");
    CHECK(request.header("User-Agent") == "clink-checkout/1.2.3");
    CHECK(request.header("traceparent") == traceparent); // nothing is recorded: it goes on as it came
    CHECK(request.header("tracestate") == "congo=t61rcWkgMzE");
    CHECK(request.body == write_create_body(command));
    const auto sent_at = std::stoll(request.header("X-Timestamp").value());
    CHECK(sent_at >= before);
    CHECK(sent_at <= unix_milliseconds());
}

TEST_CASE("clink client: the GETs as Clink sees them") {
    const scripted_peer peer({in_turn(
        {answering(200, R"({"code":200,"data":{"sessionId":"sess/1 x"}})"),
         answering(200, R"({"code":200,"data":{"orderId":"order_1","status":"success","amountTotal":20}})"),
         answering(200, R"({"code":200,"msg":"success","total":1,"rows":[{"orderId":"order_1"}]})")})});
    clink_under_test tested(peer.base_url());

    const auto session = run(tested.io, tested.client.get_session(clink_session_id("sess/1 x")));
    REQUIRE(session.answer);
    const auto order = run(tested.io, tested.client.get_order(clink_order_id("order_1")));
    REQUIRE(order.answer);
    CHECK(order.answer->status == clink_order_status::success);
    const auto page = run(tested.io, tested.client.list_orders(merchant_order_id("a&b=c/é"), 2, 50));
    REQUIRE(page.answer);
    CHECK(page.answer->orders.size() == 1);

    const auto requests = peer.requests();
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].line() == "GET /api/checkout/session/sess%2F1%20x HTTP/1.1");
    const auto trace = parse_traceparent(requests[0].header("traceparent").value_or(""));
    REQUIRE(trace); // of its own
    CHECK_FALSE(trace->sampled);
    CHECK_FALSE(requests[0].header("tracestate"));
    CHECK_FALSE(requests[0].header("Content-Type"));
    CHECK(requests[0].header("X-API-KEY") == clink_api_key);
    CHECK(requests[1].line() == "GET /api/order/order_1 HTTP/1.1");
    CHECK(requests[2].line()
          == "GET /api/order?merchantReferenceId=a%26b%3Dc%2F%C3%A9&pageNum=2&pageSize=50 HTTP/1.1");
    CHECK(peer.accepted() == 1);
}

TEST_CASE("clink client: a create's answer lost after the request was read is unknown and never sent again") {
    const auto report = report_of_create([](peer_connection& connection) { connection.read_request(); });
    CHECK(report.outcome == exchange_outcome::unknown);
    CHECK_FALSE(report.http_status);
}

TEST_CASE("clink client: a create past its deadline is unknown, and its connection closed") {
    bool closed_by_client = false;
    const auto report = report_of_create(
        [&](peer_connection& connection) {
            connection.read_request();
            connection.await_close();
            closed_by_client = true;
        },
        1s);
    CHECK(report.outcome == exchange_outcome::unknown);
    CHECK(report.duration >= 1s);
    CHECK(report.duration < 8s);
    CHECK(closed_by_client);
}

TEST_CASE("clink client: an answer that trickles past the deadline is unknown") {
    const auto report = report_of_create(
        [](peer_connection& connection) {
            connection.read_request();
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n");
            connection.await_close();
        },
        1s);
    CHECK(report.outcome == exchange_outcome::unknown);
    CHECK(report.http_status == 200);
}

TEST_CASE("clink client: a create that is abandoned is unknown, one after that never sent, and a GET is not "
          "tried again") {
    const scripted_peer peer(
        {in_turn({[](peer_connection& connection) { connection.read_request(); }, until_closed()})});
    clink_under_test tested(peer.base_url(), 60s);
    auto create = start(tested.io, tested.client.create_session(clink_command()));
    while (peer.requests().empty())
        tested.io.poll();
    tested.client.abandon();
    CHECK(finish(tested.io, std::move(create)).report.outcome == exchange_outcome::unknown);
    CHECK(tested.create().report.outcome == exchange_outcome::never_sent);
    CHECK(tested.get().report.outcome == exchange_outcome::never_sent);
}

TEST_CASE("clink client: what waits to be tried again waits no longer than until it is abandoned") {
    const scripted_peer peer({sending_after_request(
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 50\r\nContent-Length: 2\r\n\r\n{}")});
    clink_under_test tested(peer.base_url(), 60s);
    auto get = start(tested.io, tested.client.get_session(clink_session_id("sess_1")));
    while (peer.requests().empty())
        tested.io.poll();
    peer.await_finished(0);
    const auto begin = std::chrono::steady_clock::now();
    // The answer, which is there, is read, and the pause begun.
    for (int polls = 0; polls < 1000 || std::chrono::steady_clock::now() < begin + 300ms; ++polls)
        tested.io.poll();
    tested.client.abandon();
    CHECK(finish(tested.io, std::move(get)).report.outcome == exchange_outcome::never_sent);
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
}

TEST_CASE("clink client: a reset after the request is unknown") {
    const auto report = report_of_create([](peer_connection& connection) {
        connection.read_request();
        connection.reset();
    });
    CHECK(report.outcome == exchange_outcome::unknown);
}

TEST_CASE("clink client: broken answers are unknown") {
    for (const std::string& answer : std::vector<std::string>{
             "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + created_body,
             "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + created_body.substr(0, 20),
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cod\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
             "HTTP/1.1 204 No Content\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
             "HTTP/1.1 100 Continue\r\n\r\n",
             "HTTP/1.1 2",
             "SSH-2.0-OpenSSH_9.2\r\n",
         })
        CHECK_MESSAGE(report_of_create(sending_after_request(answer)).outcome == exchange_outcome::unknown,
                      answer);
}

TEST_CASE("clink client: an answer over the limit is unknown, however its length is told") {
    const std::string too_long(64 * 1024 + 1, ' ');
    const auto chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" + too_long + "\r\n0\r\n\r\n";
    const auto counted = "HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + too_long;
    const auto until_end = "HTTP/1.0 200 OK\r\n\r\n" + too_long;
    const auto headers = "HTTP/1.1 200 OK\r\nX-Long: " + std::string(70'000, 'x') + "\r\n\r\n";
    for (const auto& answer : {chunked, counted, until_end, headers})
        CHECK(report_of_create(sending_after_request(answer)).outcome == exchange_outcome::unknown);
}

TEST_CASE("clink client: an answer within the limit is read however its length is told") {
    const auto chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
    CHECK(report_of_create([&](peer_connection& connection) {
              connection.read_request();
              connection.send(chunked);
              for (const char byte : created_body.substr(1))
                  connection.send("1\r\n" + std::string(1, byte) + "\r\n");
              connection.send("0\r\n\r\n");
          }).outcome
          == exchange_outcome::accepted);
    CHECK(report_of_create(sending_after_request("HTTP/1.0 200 OK\r\n\r\n" + created_body)).outcome
          == exchange_outcome::accepted);
}

TEST_CASE("clink client: interim answers are passed over") {
    const auto report = report_of_create(
        sending_after_request("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                              "HTTP/1.1 200 OK\r\nContent-Length: "
                              + std::to_string(created_body.size()) + "\r\n\r\n" + created_body));
    CHECK(report.outcome == exchange_outcome::accepted);
}

TEST_CASE("clink client: refusals") {
    const auto coded =
        report_of_create(answering(200, R"({"code":500,"msg":"CUSTOMER_NOT_FOUND","data":null})"));
    CHECK(coded.outcome == exchange_outcome::refused);
    CHECK(coded.http_status == 200);
    CHECK(coded.code == "500");
    CHECK(coded.message == "CUSTOMER_NOT_FOUND");

    const auto bare = report_of_create(answering(401, "Unauthorized"));
    CHECK(bare.outcome == exchange_outcome::refused);
    CHECK(bare.code == "401");
    CHECK(bare.message == "Unauthorized");

    const auto busy = report_of_create(answering(429, "", "Retry-After: 7\r\n"));
    CHECK(busy.outcome == exchange_outcome::refused);
    CHECK(busy.retry_after == 7s);
}

TEST_CASE("clink client: answers that leave it open are unknown, and a redirect is not followed") {
    CHECK(report_of_create(answering(503, "busy", "Retry-After: 1\r\n")).outcome
          == exchange_outcome::unknown);
    CHECK(report_of_create(answering(408, "")).outcome == exchange_outcome::unknown);
    CHECK(report_of_create(answering(302, "", "Location: /api/checkout/session\r\n")).outcome
          == exchange_outcome::unknown);
    CHECK(report_of_create(answering(307, "", "Location: /api/checkout/session\r\n")).outcome
          == exchange_outcome::unknown);
}

TEST_CASE("clink client: an echo of the api key does not leak") {
    const auto report =
        report_of_create(answering(401, R"({"code":401,"msg":"bad key )" + clink_api_key + R"("})"));
    CHECK(report.outcome == exchange_outcome::refused);
    CHECK(report.message == "bad key [redacted]");
    CHECK(report.sanitised_body.find(clink_api_key) == std::string::npos);
}

TEST_CASE("clink client: nobody listening is never sent") {
    clink_under_test tested("http://127.0.0.1:" + std::to_string(port_nobody_listens_on()) + "/api");
    CHECK(tested.create().report.outcome == exchange_outcome::never_sent);
    CHECK(tested.get().report.outcome == exchange_outcome::never_sent);
}

TEST_CASE("clink client: a name that does not resolve is never sent") {
    clink_under_test tested("http://no-such-host.invalid/api", 2s);
    CHECK(tested.create().report.outcome == exchange_outcome::never_sent);
}

TEST_CASE("clink client: every address of a name is tried") {
    const scripted_peer peer({answering(200, created_body)});
    clink_under_test tested(peer.base_url("localhost"));
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
}

TEST_CASE("clink client: a GET is tried again after 503 and after a lost answer") {
    const scripted_peer peer({in_turn({answering(503, "busy"), [](peer_connection& c) { c.read_request(); }}),
                              answering(200, session_body)});
    clink_under_test tested(peer.base_url());
    const auto exchange = tested.get();
    REQUIRE(exchange.answer);
    CHECK(exchange.answer->status == clink_session_status::open);
    CHECK(peer.requests().size() == 3);
}

TEST_CASE("clink client: a GET is tried three times at most") {
    const auto busy = answering(503, R"({"code":503,"msg":"busy"})");
    const scripted_peer peer({in_turn({busy, busy, busy, busy})});
    clink_under_test tested(peer.base_url());
    const auto report = tested.get().report;
    CHECK(report.outcome == exchange_outcome::unknown);
    CHECK(report.http_status == 503);
    CHECK(report.message == "busy");
    CHECK(peer.requests().size() == 3);
}

TEST_CASE("clink client: a GET honours Retry-After when it fits and gives up when it does not") {
    const scripted_peer peer({in_turn({answering(429, "", "Retry-After: 1\r\n"), answering(200, session_body),
                                       answering(429, "", "Retry-After: 60\r\n")})});
    clink_under_test tested(peer.base_url());
    const auto patient = tested.get().report;
    CHECK(patient.outcome == exchange_outcome::accepted);
    CHECK(patient.duration >= 1s);
    const auto refused = tested.get().report;
    CHECK(refused.outcome == exchange_outcome::refused);
    CHECK(refused.retry_after == 60s);
    CHECK(refused.duration < 5s);
}

TEST_CASE("clink client: an answer about another session or order is unknown") {
    const auto other = answering(200, R"({"code":200,"data":{"sessionId":"sess_2","orderId":"order_2"}})");
    const scripted_peer peer({in_turn({other, other, other, other, other, other})});
    clink_under_test tested(peer.base_url());
    CHECK(tested.get().report.outcome == exchange_outcome::unknown);
    CHECK(run(tested.io, tested.client.get_order(clink_order_id("order_1"))).report.outcome
          == exchange_outcome::unknown);
}

TEST_CASE("clink client: settings that cannot be used are refused at once") {
    boost::asio::io_context io;
    const auto make = [&](clink_options options) { const clink_client client(io, std::move(options)); };
    const auto with_key = [](std::string key) {
        auto options = clink_options_for("https://x");
        options.api_key = std::move(key);
        return options;
    };
    auto without_ca = clink_options_for("https://x");
    without_ca.ca_file = "/nonexistent";
    CHECK_THROWS_AS(make(clink_options_for("ftp://x")), std::runtime_error);
    CHECK_THROWS_AS(make(with_key("k\n")), std::runtime_error);
    CHECK_THROWS_AS(make(with_key("")), std::runtime_error);
    CHECK_THROWS_AS(make(without_ca), std::runtime_error);
    CHECK_NOTHROW(make(clink_options_for("https://x")));
}

TEST_CASE("clink client: the log names the route and nothing that identifies or opens anything") {
    const scripted_peer peer({in_turn({answering(200, created_body), answering(200, session_body)})});
    clink_under_test tested(peer.base_url());
    caught_stderr caught;
    set_log_level(log_level::debug);
    tested.create();
    tested.get();
    set_log_level(log_level::info);
    const auto text = caught.text();

    const auto line = parse_json(text.substr(0, text.find('\n')));
    REQUIRE(line.has_value());
    const auto field = [&](std::string_view name) {
        const auto* value = line->find(name);
        return value ? write_json(*value) : std::string();
    };
    CHECK(field("event") == "\"clink_exchange\"");
    CHECK(field("method") == "\"POST\"");
    CHECK(field("route") == "\"/checkout/session\"");
    CHECK(field("outcome") == "\"accepted\"");
    CHECK(field("http_status") == "200");
    CHECK_FALSE(field("duration_ms").empty());
    CHECK(text.find("/checkout/session/{id}") != std::string::npos);
    for (const auto& secret :
         {clink_api_key, std::string("tok_1"), std::string("sess_1"), std::string("a@b.example"),
          std::string("order-1"), std::string("pay.example")})
        CHECK(text.find(secret) == std::string::npos);
}
