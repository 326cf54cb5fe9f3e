#include "clink/transport.h"
#include "support/clink_under_test.h"

#include <doctest/doctest.h>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

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

} // namespace

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

TEST_CASE("clink transport: what is abandoned is over at once, wherever it was") {
    const scripted_peer peer(
        {in_turn({[](peer_connection& connection) { connection.read_request(); }, until_closed()})});
    transport_under_test tested(peer, 1);
    auto sent = tested.begin("/sent", 60s);
    while (peer.requests().empty())
        tested.io.poll();
    auto waiting = tested.begin("/waiting", 60s);
    tested.io.poll();
    tested.transport.abandon();
    const auto lost = finish(tested.io, std::move(sent));
    CHECK(lost.phase == transport_phase::reading);
    CHECK(lost.error == asio::error::timed_out);
    CHECK(finish(tested.io, std::move(waiting)).phase == transport_phase::waiting);
    CHECK(finish(tested.io, tested.begin("/later")).phase == transport_phase::waiting);
    peer.await_finished(0);
    CHECK(peer.requests().size() == 1);
}
