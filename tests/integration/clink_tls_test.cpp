#include "support/clink_under_test.h"

#include <doctest/doctest.h>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

TEST_CASE("clink tls: TLS with a trusted chain and the right name") {
    const auto ca = make_ca("test CA");
    const auto leaf = make_leaf("peer", ca);
    const temporary_directory files;
    const scripted_peer peer(
        {in_turn({answering(200, created_body), answering(200, created_body)}), answering(200, created_body)},
        {.shown = &leaf});
    const auto ca_file = files.write("ca.pem", ca.certificate_pem());

    clink_under_test by_address(peer.base_url(), 10s, ca_file);
    CHECK(by_address.create().report.outcome == exchange_outcome::accepted);
    CHECK(by_address.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 1);
    clink_under_test by_name(peer.base_url("localhost"), 10s, ca_file);
    CHECK(by_name.create().report.outcome == exchange_outcome::accepted);
}

TEST_CASE("clink tls: a TLS connection that its peer has closed is not used again") {
    const auto ca = make_ca("test CA");
    const auto leaf = make_leaf("peer", ca);
    const temporary_directory files;
    const auto answer_and_close =
        in_turn({answering(200, created_body), [](peer_connection& c) { c.close(); }});
    const scripted_peer peer({answer_and_close, answer_and_close}, {.shown = &leaf});
    clink_under_test tested(peer.base_url(), 10s, files.write("ca.pem", ca.certificate_pem()));
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    peer.await_finished(0);
    CHECK(tested.create().report.outcome == exchange_outcome::accepted);
    CHECK(peer.accepted() == 2);
}

TEST_CASE("clink tls: a certificate that is not to be trusted is never sent to, and not tried again") {
    const auto ca = make_ca("test CA");
    const auto other_ca = make_ca("other CA");
    const auto leaf = make_leaf("peer", ca);
    const temporary_directory files;
    const auto trusted = files.write("ca.pem", ca.certificate_pem());
    const auto other = files.write("other.pem", other_ca.certificate_pem());

    const auto answer = answering(200, created_body);
    const scripted_peer unknown_ca({answer, answer, answer}, {.shown = &leaf});
    clink_under_test with_system_store(unknown_ca.base_url());
    CHECK(with_system_store.create().report.outcome == exchange_outcome::never_sent);
    clink_under_test with_other_ca(unknown_ca.base_url(), 10s, other);
    CHECK(with_other_ca.create().report.outcome == exchange_outcome::never_sent);
    CHECK(unknown_ca.accepted() == 2);
    CHECK(unknown_ca.requests().empty());

    // The certificate is for localhost and 127.0.0.1.
    const scripted_peer wrong_name({answer, answer, answer}, {.address = "127.0.0.2", .shown = &leaf});
    clink_under_test misled(wrong_name.base_url("127.0.0.2"), 10s, trusted);
    CHECK(misled.create().report.outcome == exchange_outcome::never_sent);
    CHECK(misled.get().report.outcome == exchange_outcome::never_sent);
    CHECK(wrong_name.accepted() == 2);
    CHECK(wrong_name.requests().empty());
}

TEST_CASE("clink tls: TLS below 1.2 is never sent to") {
    const auto ca = make_ca("test CA");
    const auto leaf = make_leaf("peer", ca);
    const temporary_directory files;
    const scripted_peer peer({answering(200, created_body)},
                             {.shown = &leaf, .greatest_tls_version = TLS1_1_VERSION});
    clink_under_test tested(peer.base_url(), 10s, files.write("ca.pem", ca.certificate_pem()));
    CHECK(tested.create().report.outcome == exchange_outcome::never_sent);
    CHECK(peer.requests().empty());
}

TEST_CASE("clink tls: a TLS handshake that stalls is never sent") {
    const scripted_peer plain({until_closed()});
    clink_under_test tested("https://127.0.0.1:" + std::to_string(plain.port()), 100ms);
    CHECK(tested.create().report.outcome == exchange_outcome::never_sent);
}
