#include "clink/client.h"

#include "clink/transport.h"
#include "observe/log.h"
#include "support/scripted_peer.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include <unistd.h>

#include <cstdio>
#include <future>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

const std::string api_key = "sk_test_very_secret";
const std::string created_body =
    R"({"code":200,"msg":"success","data":{"sessionId":"sess_1","tokenValue":"tok_1",)"
    R"("originalAmount":49.90,"originalCurrency":"USD","url":"https://pay.example/sess_1"}})";
const std::string session_body =
    R"({"code":200,"msg":"success","data":{"sessionId":"sess_1","status":"open","paymentStatus":"unpaid"}})";

template <class T>
std::future<T> start(asio::io_context& io, asio::awaitable<T> work) {
    return asio::co_spawn(io, std::move(work), asio::use_future);
}

template <class T>
T finish(asio::io_context& io, std::future<T> result) {
    io.restart();
    while (result.wait_for(0s) != std::future_status::ready)
        io.run_one();
    return result.get();
}

template <class T>
T run(asio::io_context& io, asio::awaitable<T> work) {
    return finish(io, start(io, std::move(work)));
}

create_command a_command() {
    create_command command;
    command.order_id = merchant_order_id("order-1");
    command.attempt = attempt_id("a1");
    command.terms.original = {*decimal::parse("49.90"), "USD"};
    command.terms.customer_email = "a@b.example";
    command.terms.items = {{"Tea", *decimal::parse("49.90"), 1, std::nullopt, std::nullopt}};
    command.success_url = "https://shop.example/ok";
    return command;
}

clink_options options_for(std::string base_url, std::string key = api_key) {
    clink_options options;
    options.base_url = std::move(base_url);
    options.api_key = std::move(key);
    options.answer_bytes = 64 * 1024;
    options.version = "1.2.3";
    return options;
}

clink_options with(clink_options options, std::chrono::milliseconds timeout, std::string ca_file) {
    options.timeout = timeout;
    options.ca_file = std::move(ca_file);
    return options;
}

struct client_under_test {
    explicit client_under_test(std::string base_url, std::chrono::milliseconds timeout = 10s,
                               std::string ca_file = {})
        : client(io, with(options_for(std::move(base_url)), timeout, std::move(ca_file))) {}

    clink_exchange<created_session> create() { return run(io, client.create_session(a_command())); }
    clink_exchange<session_facts> get() { return run(io, client.get_session(clink_session_id("sess_1"))); }

    asio::io_context io{1};
    clink_client client;
};

struct transport_under_test {
    transport_under_test(const scripted_peer& peer, std::size_t connections,
                         std::chrono::milliseconds idle_time = 30s)
        : transport(io, {.base = parse_base_url(peer.base_url()),
                         .ca_file = {},
                         .answer_bytes = 1024,
                         .connections = connections,
                         .idle_time = idle_time}) {}

    std::future<transport_result> begin(std::string target, std::chrono::milliseconds limit = 10s,
                                        std::chrono::milliseconds max_idle = 10s) {
        transport_request request{
            .method = "GET", .target = std::move(target), .headers = {{"Host", "x"}}, .body = {}};
        const auto deadline = std::chrono::steady_clock::now() + limit;
        return start(io, transport.exchange(std::move(request), deadline, max_idle));
    }

    asio::io_context io{1};
    clink_transport transport;
};

scripted_peer::script sending_after_request(std::string bytes) {
    return [bytes = std::move(bytes)](peer_connection& connection) {
        connection.read_request();
        connection.send(bytes);
    };
}

scripted_peer::script until_closed() {
    return [](peer_connection& connection) { connection.await_close(); };
}

// What a create comes to when the peer does that with its one request.
exchange_report report_of_create(scripted_peer::script script, std::chrono::milliseconds timeout = 10s) {
    const scripted_peer peer({std::move(script)});
    client_under_test tested(peer.base_url(), timeout);
    auto exchange = tested.create();
    CHECK(peer.accepted() == 1);
    CHECK(exchange.answer.has_value() == (exchange.report.outcome == exchange_outcome::accepted));
    return exchange.report;
}

std::uint16_t port_nobody_listens_on() {
    asio::io_context io;
    const asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
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
    client_under_test tested(peer.base_url());
    auto command = a_command();
    command.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
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
    CHECK(request.header("X-API-KEY") == api_key);
    CHECK(request.header("Content-Type") == "application/json");
    CHECK(request.header("Accept") == "application/json");
    CHECK(request.header("User-Agent") == "clink-checkout/1.2.3");
    CHECK(request.header("traceparent") == command.traceparent);
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
    client_under_test tested(peer.base_url());

    const auto session =
        run(tested.io, tested.client.get_session(clink_session_id("sess/1 x"), "bad\r\nX-Evil: 1"));
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
    CHECK_FALSE(requests[0].header("traceparent"));
    CHECK_FALSE(requests[0].header("X-Evil"));
    CHECK_FALSE(requests[0].header("Content-Type"));
    CHECK(requests[0].header("X-API-KEY") == api_key);
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
        100ms);
    CHECK(report.outcome == exchange_outcome::unknown);
    CHECK(report.duration >= 100ms);
    CHECK(report.duration < 5s);
    CHECK(closed_by_client);
}

TEST_CASE("clink client: an answer that trickles past the deadline is unknown") {
    const auto report = report_of_create(
        [](peer_connection& connection) {
            connection.read_request();
            connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n");
            connection.await_close();
        },
        100ms);
    CHECK(report.outcome == exchange_outcome::unknown);
    CHECK(report.http_status == 200);
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
        report_of_create(answering(401, R"({"code":401,"msg":"bad key )" + api_key + R"("})"));
    CHECK(report.outcome == exchange_outcome::refused);
    CHECK(report.message == "bad key [redacted]");
    CHECK(report.sanitised_body.find(api_key) == std::string::npos);
}

TEST_CASE("clink client: nobody listening is never sent") {
    client_under_test tested("http://127.0.0.1:" + std::to_string(port_nobody_listens_on()) + "/api");
    CHECK(tested.create().report.outcome == exchange_outcome::never_sent);
    CHECK(tested.get().report.outcome == exchange_outcome::never_sent);
}

TEST_CASE("clink client: a name that does not resolve is never sent") {
    client_under_test tested("http://no-such-host.invalid/api", 2s);
    CHECK(tested.create().report.outcome == exchange_outcome::never_sent);
}

TEST_CASE("clink client: every address of a name is tried") {
    const scripted_peer peer({answering(200, created_body)});
    client_under_test tested(peer.base_url("localhost"));
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
}

TEST_CASE("clink client: connections are kept and used again") {
    const scripted_peer peer({in_turn(
        {answering(200, created_body), answering(200, session_body), answering(200, created_body)})});
    client_under_test tested(peer.base_url());
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(tested.get().report.outcome == exchange_outcome::accepted);
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 1);
}

TEST_CASE("clink client: a connection is not kept when its peer says so or has more to say") {
    const auto length = "Content-Length: " + std::to_string(session_body.size()) + "\r\n\r\n" + session_body;
    for (const auto& answer :
         {"HTTP/1.1 200 OK\r\nConnection: close\r\n" + length,
          "HTTP/1.1 200 OK\r\n" + length + "HTTP/1.1 200 OK\r\n" + length, "HTTP/1.0 200 OK\r\n" + length}) {
        const auto send_and_stay = in_turn({sending_after_request(answer), until_closed()});
        const scripted_peer peer({send_and_stay, send_and_stay});
        client_under_test tested(peer.base_url());
        CHECK(tested.get().report.outcome == exchange_outcome::accepted);
        CHECK(tested.get().report.outcome == exchange_outcome::accepted);
        CHECK(peer.accepted() == 2);
    }
}

TEST_CASE("clink client: a create finds a stale kept connection before it writes") {
    const scripted_peer peer({answering(200, created_body), answering(200, created_body)});
    client_under_test tested(peer.base_url());
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    peer.await_finished(0);
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 2);
    CHECK(peer.requests().size() == 2);
}

TEST_CASE("clink client: bytes that nobody asked for make a kept connection stale") {
    std::promise<void> first_answer_read;
    std::promise<void> sent;
    const scripted_peer peer({in_turn({answering(200, created_body),
                                       [&](peer_connection& connection) {
                                           first_answer_read.get_future().wait();
                                           connection.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
                                           sent.set_value();
                                       }}),
                              answering(200, created_body)});
    client_under_test tested(peer.base_url());
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    first_answer_read.set_value();
    sent.get_future().wait();
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 2);
}

TEST_CASE(
    "clink client: a kept connection that breaks under a create is unknown and the create not sent again") {
    const scripted_peer peer({in_turn({answering(200, created_body),
                                       [](peer_connection& connection) { connection.read_request(); }}),
                              answering(200, created_body)});
    client_under_test tested(peer.base_url());
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(tested.create().report.outcome == exchange_outcome::unknown);
    CHECK(peer.accepted() == 1);
    CHECK(peer.requests().size() == 2);
}

TEST_CASE("clink client: a kept connection that breaks under a GET is replaced at once") {
    const scripted_peer peer({in_turn({answering(200, session_body),
                                       [](peer_connection& connection) { connection.read_request(); }}),
                              answering(200, session_body)});
    client_under_test tested(peer.base_url());
    CHECK(tested.get().report.outcome == exchange_outcome::accepted);
    CHECK(tested.get().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 2);
    CHECK(peer.requests().size() == 3);
}

TEST_CASE("clink client: a GET is tried again after 503 and after a lost answer") {
    const scripted_peer peer({in_turn({answering(503, "busy"), [](peer_connection& c) { c.read_request(); }}),
                              answering(200, session_body)});
    client_under_test tested(peer.base_url());
    const auto exchange = tested.get();
    REQUIRE(exchange.answer);
    CHECK(exchange.answer->status == clink_session_status::open);
    CHECK(peer.requests().size() == 3);
}

TEST_CASE("clink client: a GET is tried three times at most") {
    const auto busy = answering(503, R"({"code":503,"msg":"busy"})");
    const scripted_peer peer({in_turn({busy, busy, busy, busy})});
    client_under_test tested(peer.base_url());
    const auto report = tested.get().report;
    CHECK(report.outcome == exchange_outcome::unknown);
    CHECK(report.http_status == 503);
    CHECK(report.message == "busy");
    CHECK(peer.requests().size() == 3);
}

TEST_CASE("clink client: a GET honours Retry-After when it fits and gives up when it does not") {
    const scripted_peer peer({in_turn({answering(429, "", "Retry-After: 1\r\n"), answering(200, session_body),
                                       answering(429, "", "Retry-After: 60\r\n")})});
    client_under_test tested(peer.base_url());
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
    client_under_test tested(peer.base_url());
    CHECK(tested.get().report.outcome == exchange_outcome::unknown);
    CHECK(run(tested.io, tested.client.get_order(clink_order_id("order_1"))).report.outcome
          == exchange_outcome::unknown);
}

TEST_CASE("clink client: TLS with a trusted chain and the right name") {
    const auto ca = make_ca("test CA");
    const auto leaf = make_leaf("peer", ca);
    const temporary_directory files;
    const scripted_peer peer(
        {in_turn({answering(200, created_body), answering(200, created_body)}), answering(200, created_body)},
        {.shown = &leaf});
    const auto ca_file = files.write("ca.pem", ca.certificate_pem());

    client_under_test by_address(peer.base_url(), 10s, ca_file);
    CHECK(by_address.create().report.outcome == exchange_outcome::accepted);
    CHECK(by_address.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 1);
    client_under_test by_name(peer.base_url("localhost"), 10s, ca_file);
    CHECK(by_name.create().report.outcome == exchange_outcome::accepted);
}

TEST_CASE("clink client: a TLS connection that its peer has closed is not used again") {
    const auto ca = make_ca("test CA");
    const auto leaf = make_leaf("peer", ca);
    const temporary_directory files;
    const auto answer_and_close =
        in_turn({answering(200, created_body), [](peer_connection& c) { c.close(); }});
    const scripted_peer peer({answer_and_close, answer_and_close}, {.shown = &leaf});
    client_under_test tested(peer.base_url(), 10s, files.write("ca.pem", ca.certificate_pem()));
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    peer.await_finished(0);
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 2);
}

TEST_CASE("clink client: a certificate that is not to be trusted is never sent to, and not tried again") {
    const auto ca = make_ca("test CA");
    const auto other_ca = make_ca("other CA");
    const auto leaf = make_leaf("peer", ca);
    const temporary_directory files;
    const auto trusted = files.write("ca.pem", ca.certificate_pem());
    const auto other = files.write("other.pem", other_ca.certificate_pem());

    const auto answer = answering(200, created_body);
    const scripted_peer unknown_ca({answer, answer, answer}, {.shown = &leaf});
    client_under_test with_system_store(unknown_ca.base_url());
    CHECK(with_system_store.create().report.outcome == exchange_outcome::never_sent);
    client_under_test with_other_ca(unknown_ca.base_url(), 10s, other);
    CHECK(with_other_ca.create().report.outcome == exchange_outcome::never_sent);
    CHECK(unknown_ca.accepted() == 2);
    CHECK(unknown_ca.requests().empty());

    // The certificate is for localhost and 127.0.0.1.
    const scripted_peer wrong_name({answer, answer, answer}, {.address = "127.0.0.2", .shown = &leaf});
    client_under_test misled(wrong_name.base_url("127.0.0.2"), 10s, trusted);
    CHECK(misled.create().report.outcome == exchange_outcome::never_sent);
    CHECK(misled.get().report.outcome == exchange_outcome::never_sent);
    CHECK(wrong_name.accepted() == 2);
    CHECK(wrong_name.requests().empty());
}

TEST_CASE("clink client: TLS below 1.2 is never sent to") {
    const auto ca = make_ca("test CA");
    const auto leaf = make_leaf("peer", ca);
    const temporary_directory files;
    const scripted_peer peer({answering(200, created_body)},
                             {.shown = &leaf, .greatest_tls_version = TLS1_1_VERSION});
    client_under_test tested(peer.base_url(), 10s, files.write("ca.pem", ca.certificate_pem()));
    CHECK(tested.create().report.outcome == exchange_outcome::never_sent);
    CHECK(peer.requests().empty());
}

TEST_CASE("clink client: a TLS handshake that stalls is never sent") {
    const scripted_peer plain({until_closed()});
    client_under_test tested("https://127.0.0.1:" + std::to_string(plain.port()), 100ms);
    CHECK(tested.create().report.outcome == exchange_outcome::never_sent);
}

TEST_CASE("clink client: settings that cannot be used are refused at once") {
    asio::io_context io;
    const auto make = [&](clink_options options) { const clink_client client(io, std::move(options)); };
    CHECK_THROWS_AS(make(options_for("ftp://x")), std::runtime_error);
    CHECK_THROWS_AS(make(options_for("https://x", "k\n")), std::runtime_error);
    CHECK_THROWS_AS(make(options_for("https://x", "")), std::runtime_error);
    CHECK_THROWS_AS(make(with(options_for("https://x"), 1s, "/nonexistent")), std::runtime_error);
    CHECK_NOTHROW(make(options_for("https://x")));
}

TEST_CASE("clink client: an exchange outlives its client, and its connection ends with it") {
    const scripted_peer peer(
        {in_turn({answering(200, session_body), answering(200, session_body), until_closed()})});
    asio::io_context io{1};
    auto client = std::make_unique<clink_client>(io, options_for(peer.base_url()));
    auto last = start(io, client->get_session(clink_session_id("sess_1")));
    client.reset();
    CHECK(finish(io, std::move(last)).answer);
    peer.await_finished(0);
}

TEST_CASE("clink client: close ends idle connections, and exchanges go on without keeping theirs") {
    const auto once = in_turn({answering(200, session_body), until_closed()});
    const scripted_peer peer({once, once});
    client_under_test tested(peer.base_url());
    CHECK(tested.get().answer);
    tested.client.close();
    peer.await_finished(0);
    CHECK(tested.get().answer);
    peer.await_finished(1);
}

TEST_CASE("clink client: the io_context may end under exchanges, waiting ones included") {
    const scripted_peer peer({[](peer_connection& connection) {
        connection.read_request();
        connection.await_close();
    }});
    auto io = std::make_unique<asio::io_context>(1);
    auto options = options_for(peer.base_url());
    options.connections = 1;
    auto client = std::make_unique<clink_client>(*io, options);
    asio::co_spawn(*io, client->create_session(a_command()), asio::detached);
    asio::co_spawn(*io, client->create_session(a_command()), asio::detached);
    while (peer.requests().empty())
        io->poll();
    client.reset();
    io.reset();
    peer.await_finished(0);
}

TEST_CASE("clink client: a cancelled exchange closes its connection") {
    const scripted_peer peer({[](peer_connection& connection) {
        connection.read_request();
        connection.await_close();
    }});
    client_under_test tested(peer.base_url());
    asio::cancellation_signal stop;
    bool ended = false;
    asio::co_spawn(
        tested.io, tested.client.create_session(a_command()),
        asio::bind_cancellation_slot(
            stop.slot(), [&](std::exception_ptr, clink_exchange<created_session>) { ended = true; }));
    while (peer.requests().empty())
        tested.io.poll();
    stop.emit(asio::cancellation_type::terminal);
    while (!ended)
        tested.io.run_one();
    peer.await_finished(0);
}

TEST_CASE("clink client: the log names the route and nothing that identifies or opens anything") {
    const scripted_peer peer({in_turn({answering(200, created_body), answering(200, session_body)})});
    client_under_test tested(peer.base_url());
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
         {api_key, std::string("tok_1"), std::string("sess_1"), std::string("a@b.example"),
          std::string("order-1"), std::string("pay.example")})
        CHECK(text.find(secret) == std::string::npos);
}

TEST_CASE("clink transport: an exchange past the limit waits its turn, and is never sent when the deadline "
          "is first") {
    std::promise<void> go_on;
    const scripted_peer peer({in_turn({[&](peer_connection& connection) {
                                           connection.read_request();
                                           go_on.get_future().wait();
                                           connection.answer(200, "{}");
                                       },
                                       answering(200, "{}"), answering(200, "{}")})});
    transport_under_test tested(peer, 1);
    auto first = tested.begin("/1");
    auto second = tested.begin("/2");
    auto impatient = tested.begin("/impatient", 50ms);
    auto third = tested.begin("/3");
    const auto gave_up = finish(tested.io, std::move(impatient));
    CHECK(gave_up.phase == transport_phase::waiting);
    CHECK(gave_up.error == asio::error::timed_out);
    CHECK(peer.requests().size() <= 1);

    go_on.set_value();
    CHECK(finish(tested.io, std::move(third)).phase == transport_phase::finished);
    CHECK(finish(tested.io, std::move(first)).phase == transport_phase::finished);
    CHECK(finish(tested.io, std::move(second)).phase == transport_phase::finished);
    CHECK(peer.accepted() == 1);
    const auto requests = peer.requests();
    REQUIRE(requests.size() == 3);
    CHECK(requests[0].line() == "GET /1 HTTP/1.1");
    CHECK(requests[1].line() == "GET /2 HTTP/1.1");
    CHECK(requests[2].line() == "GET /3 HTTP/1.1");
}

TEST_CASE("clink transport: an exchange whose deadline is over writes nothing, also on a kept connection") {
    const scripted_peer peer({in_turn({answering(200, "{}"), until_closed()})});
    transport_under_test tested(peer, 1);
    CHECK(finish(tested.io, tested.begin("/1")).phase == transport_phase::finished);
    CHECK(finish(tested.io, tested.begin("/2", 0ms)).phase < transport_phase::writing);
    CHECK(peer.requests().size() == 1);
}

TEST_CASE("clink transport: a connection idle for longer than asked is left alone") {
    const scripted_peer peer({in_turn({answering(200, "{}"), answering(200, "{}")}), answering(200, "{}")});
    transport_under_test tested(peer, 2);
    CHECK(finish(tested.io, tested.begin("/1")).phase == transport_phase::finished);
    CHECK_FALSE(finish(tested.io, tested.begin("/2", 10s, 0ms)).reused_connection);
    CHECK(finish(tested.io, tested.begin("/3")).reused_connection);
    CHECK(peer.accepted() == 2);
}

TEST_CASE("clink transport: an idle connection makes room for a new one") {
    const scripted_peer peer({in_turn({answering(200, "{}"), until_closed()}), answering(200, "{}")});
    transport_under_test tested(peer, 1);
    CHECK(finish(tested.io, tested.begin("/1")).phase == transport_phase::finished);
    CHECK(finish(tested.io, tested.begin("/2", 10s, 0ms)).phase == transport_phase::finished);
    peer.await_finished(0);
}

TEST_CASE("clink transport: a connection idle for too long is closed") {
    const scripted_peer peer({in_turn({answering(200, "{}"), until_closed()})});
    transport_under_test tested(peer, 1, 50ms);
    CHECK(finish(tested.io, tested.begin("/1")).phase == transport_phase::finished);
    tested.io.restart();
    tested.io.run();
    peer.await_finished(0);
}

TEST_CASE("clink transport: the connection used last is used next") {
    std::promise<void> answer_first;
    std::promise<void> answer_second;
    const auto held = [](std::promise<void>& release) {
        return [&release](peer_connection& connection) {
            connection.read_request();
            release.get_future().wait();
            connection.answer(200, "{}");
        };
    };
    const auto then = in_turn({answering(200, "{}"), answering(200, "{}"), until_closed()});
    const scripted_peer peer({in_turn({held(answer_first), then}), in_turn({held(answer_second), then})});
    transport_under_test tested(peer, 2);
    auto on_first = tested.begin("/1");
    while (peer.requests().empty())
        tested.io.poll();
    auto on_second = tested.begin("/2");
    while (peer.requests().size() < 2)
        tested.io.poll();
    answer_second.set_value();
    finish(tested.io, std::move(on_second));
    answer_first.set_value();
    finish(tested.io, std::move(on_first));

    finish(tested.io, tested.begin("/3"));
    finish(tested.io, tested.begin("/4"));
    CHECK(peer.requests().at(2).connection == 0);
    CHECK(peer.requests().at(3).connection == 0);
}
