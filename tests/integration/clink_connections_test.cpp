#include "support/clink_under_test.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <doctest/doctest.h>

#include <memory>
#include <thread>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;
namespace asio = boost::asio;

TEST_CASE("clink connections: connections are kept and used again") {
    const scripted_peer peer({in_turn(
        {answering(200, created_body), answering(200, session_body), answering(200, created_body)})});
    clink_under_test tested(peer.base_url());
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(tested.get().report.outcome == exchange_outcome::accepted);
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 1);
}

TEST_CASE("clink connections: a connection is not kept when its peer says so or has more to say") {
    const auto length = "Content-Length: " + std::to_string(session_body.size()) + "\r\n\r\n" + session_body;
    for (const auto& answer :
         {"HTTP/1.1 200 OK\r\nConnection: close\r\n" + length,
          "HTTP/1.1 200 OK\r\n" + length + "HTTP/1.1 200 OK\r\n" + length, "HTTP/1.0 200 OK\r\n" + length}) {
        const auto send_and_stay = in_turn({sending_after_request(answer), until_closed()});
        const scripted_peer peer({send_and_stay, send_and_stay});
        clink_under_test tested(peer.base_url());
        CHECK(tested.get().report.outcome == exchange_outcome::accepted);
        CHECK(tested.get().report.outcome == exchange_outcome::accepted);
        CHECK(peer.accepted() == 2);
    }
}

TEST_CASE("clink connections: a create finds a stale kept connection before it writes") {
    const scripted_peer peer({answering(200, created_body), answering(200, created_body)});
    clink_under_test tested(peer.base_url());
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    peer.await_finished(0);
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 2);
    CHECK(peer.requests().size() == 2);
}

TEST_CASE("clink connections: a create leaves a connection alone that was idle for two seconds") {
    const scripted_peer peer({in_turn({answering(200, created_body), answering(200, session_body)}),
                              answering(200, created_body)});
    clink_under_test tested(peer.base_url());
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    std::this_thread::sleep_for(2s); // the rule is about time itself: there is no event to await
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    peer.await_finished(1);
    CHECK(tested.get().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 2);
    CHECK(peer.requests().at(1).connection == 1);
    CHECK(peer.requests().at(2).connection == 0);
}

TEST_CASE("clink connections: bytes that nobody asked for make a kept connection stale") {
    std::promise<void> first_answer_read;
    std::promise<void> sent;
    const scripted_peer peer({in_turn({answering(200, created_body),
                                       [&](peer_connection& connection) {
                                           first_answer_read.get_future().wait();
                                           connection.send("HTTP/1.1 408 Request Timeout\r\n\r\n");
                                           sent.set_value();
                                       }}),
                              answering(200, created_body)});
    clink_under_test tested(peer.base_url());
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    first_answer_read.set_value();
    sent.get_future().wait();
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 2);
}

TEST_CASE("clink connections: a kept connection that breaks under a create is unknown and the create not "
          "sent again") {
    const scripted_peer peer({in_turn({answering(200, created_body),
                                       [](peer_connection& connection) { connection.read_request(); }}),
                              answering(200, created_body)});
    clink_under_test tested(peer.base_url());
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(tested.create().report.outcome == exchange_outcome::unknown);
    CHECK(peer.accepted() == 1);
    CHECK(peer.requests().size() == 2);
}

TEST_CASE("clink connections: a kept connection that breaks under a GET is replaced at once") {
    const scripted_peer peer({in_turn({answering(200, session_body),
                                       [](peer_connection& connection) { connection.read_request(); }}),
                              answering(200, session_body)});
    clink_under_test tested(peer.base_url());
    CHECK(tested.get().report.outcome == exchange_outcome::accepted);
    CHECK(tested.get().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 2);
    CHECK(peer.requests().size() == 3);
}

TEST_CASE("clink connections: an exchange outlives its client, and its connection ends with it") {
    const scripted_peer peer(
        {in_turn({answering(200, session_body), answering(200, session_body), until_closed()})});
    asio::io_context io{1};
    auto client = std::make_unique<clink_client>(io, clink_options_for(peer.base_url()));
    auto last = start(io, client->get_session(clink_session_id("sess_1")));
    client.reset();
    CHECK(finish(io, std::move(last)).answer);
    peer.await_finished(0);
}

TEST_CASE("clink connections: close ends idle connections, and exchanges go on without keeping theirs") {
    const auto once = in_turn({answering(200, session_body), until_closed()});
    const scripted_peer peer({once, once});
    clink_under_test tested(peer.base_url());
    CHECK(tested.get().answer);
    tested.client.close();
    peer.await_finished(0);
    CHECK(tested.get().answer);
    peer.await_finished(1);
}

TEST_CASE("clink connections: the io_context may end under exchanges, waiting ones included") {
    const scripted_peer peer({[](peer_connection& connection) {
        connection.read_request();
        connection.await_close();
    }});
    auto io = std::make_unique<asio::io_context>(1);
    auto options = clink_options_for(peer.base_url());
    options.connections = 1;
    auto client = std::make_unique<clink_client>(*io, options);
    asio::co_spawn(*io, client->create_session(clink_command()), asio::detached);
    asio::co_spawn(*io, client->create_session(clink_command()), asio::detached);
    while (peer.requests().empty())
        io->poll();
    client.reset();
    io.reset();
    peer.await_finished(0);
}

TEST_CASE("clink connections: a cancelled exchange closes its connection") {
    const scripted_peer peer({[](peer_connection& connection) {
        connection.read_request();
        connection.await_close();
    }});
    clink_under_test tested(peer.base_url());
    asio::cancellation_signal stop;
    bool ended = false;
    asio::co_spawn(
        tested.io, tested.client.create_session(clink_command()),
        asio::bind_cancellation_slot(
            stop.slot(), [&](std::exception_ptr, clink_exchange<created_session>) { ended = true; }));
    while (peer.requests().empty())
        tested.io.poll();
    stop.emit(asio::cancellation_type::terminal);
    while (!ended)
        tested.io.run_one();
    peer.await_finished(0);
}
