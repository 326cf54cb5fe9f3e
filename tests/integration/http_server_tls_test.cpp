// http_server over TLS and mutual TLS, with certificates made for each test.
#include "http/tls_context.h"
#include "support/certificates.h"
#include "support/raw_client.h"
#include "support/test_server.h"

#include <doctest/doctest.h>

#include <future>
#include <string>
#include <thread>

using namespace checkout;
using namespace checkout::test;
using namespace std::chrono_literals;

namespace {

const std::string get_certificate = "GET /certificate HTTP/1.1\r\nHost: test\r\n\r\n";

/// Files of a server's certificate, and of a CA for its clients.
struct tls_files {
    temporary_directory directory;
    identity ca = make_ca("test CA");
    server_tls paths;

    explicit tls_files(bool mutual = false) {
        install(make_leaf("first", ca));
        if (mutual)
            paths.client_ca_file = directory.write("ca.pem", ca.certificate_pem());
    }

    void install(const identity& server) {
        paths.key_file = directory.write("key.pem", server.key_pem());
        paths.certificate_file = directory.write("certificate.pem", server.certificate_pem());
    }
};

std::string server_name(SSL_CTX* client, std::uint16_t port) {
    raw_client probe(port);
    return probe.start_tls(client) ? common_name(SSL_get0_peer_certificate(probe.tls())) : "";
}

/// What a clock says when nobody has touched a file for long.
constexpr auto at_rest = file_watch::wall_clock::time_point::max();

std::string name_in(const std::shared_ptr<boost::asio::ssl::context>& context) {
    return common_name(SSL_CTX_get0_certificate(context->native_handle()));
}

/// A server, and a client that may keep it busy beside another one.
struct two_clients {
    tls_files files;
    test_server server{{}, files.paths};
    decltype(make_client_context()) context = make_client_context();
    raw_client greedy{server.port()};
    raw_client other{server.port()};

    two_clients() {
        REQUIRE(greedy.start_tls(context.get()));
        REQUIRE(other.start_tls(context.get()));
    }
};

} // namespace

TEST_SUITE("http server TLS") {
    TEST_CASE("requests, a large answer and an orderly end") {
        const tls_files files;
        test_server server({}, files.paths);
        const auto context = make_client_context();
        raw_client client(server.port());
        REQUIRE(client.start_tls(context.get()));
        client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /big HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(client.read_response().body == "/1|");
        CHECK(client.read_response().body.size() == 32 * 1024 * 1024);
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        CHECK(client.read_response().body == "hello");
        CHECK(client.is_closed_by_peer());
        CHECK((SSL_get_shutdown(client.tls()) & SSL_RECEIVED_SHUTDOWN) != 0);
    }

    TEST_CASE("one client's many requests at once do not keep the others waiting") {
        two_clients clients;
        auto& [files, server, context, greedy, other] = clients;
        constexpr int requests = 1'000;
        std::string many = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
        for (int i = 0; i < requests; ++i)
            many += "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        greedy.send(many);
        server.await_held(1);
        other.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /count HTTP/1.1\r\nHost: a\r\n\r\n");
        server.await_held(2); // all that is to come lies in the server's sockets
        server.release();
        CHECK(other.read_response().status == 200);
        CHECK(std::stoi(other.read_response().body) < 100);
    }

    TEST_CASE("one client's many messages of the protocol do not keep the others waiting") {
        two_clients clients;
        auto& [files, server, context, greedy, other] = clients;
        greedy.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
        server.await_held(1);
        for (int i = 0; i < 1'000; ++i) {
            REQUIRE(SSL_key_update(greedy.tls(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
            REQUIRE(SSL_do_handshake(greedy.tls()) == 1);
        }
        greedy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        other.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /count HTTP/1.1\r\nHost: a\r\n\r\n");
        server.await_held(2); // all that is to come lies in the server's sockets
        server.release();
        CHECK(other.read_response().status == 200);
        CHECK(other.read_response().body == "3"); // the request behind the messages comes later
        CHECK(greedy.read_response().status == 200);
        CHECK(greedy.read_response().status == 200);
    }

    TEST_CASE("versions before 1.2 are refused, 1.2 and 1.3 are not") {
        const tls_files files;
        test_server server({}, files.paths);
        for (const int version : {TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION}) {
            CAPTURE(version);
            const auto context = make_client_context();
            SSL_CTX_set_security_level(context.get(), 0); // or the client itself would not offer 1.1
            SSL_CTX_set_min_proto_version(context.get(), version);
            SSL_CTX_set_max_proto_version(context.get(), version);
            raw_client client(server.port());
            CHECK(client.start_tls(context.get()) == (version != TLS1_1_VERSION));
        }
    }

    TEST_CASE("HTTP/1.1 is agreed on where a client offers it") {
        const tls_files files;
        test_server server({}, files.paths);
        for (const std::string offered : {"\x02h2\x08http/1.1", "\x02h2"}) {
            const auto context = make_client_context();
            SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(offered.data()),
                                    static_cast<unsigned>(offered.size()));
            raw_client client(server.port());
            REQUIRE(client.start_tls(context.get()));
            const unsigned char* agreed = nullptr;
            unsigned size = 0;
            SSL_get0_alpn_selected(client.tls(), &agreed, &size);
            const std::string expected = offered.size() > 3 ? "http/1.1" : "";
            CHECK(std::string(agreed, agreed + size) == expected);
        }
    }

    TEST_CASE("a client without a certificate is served and told apart") {
        const tls_files files(true);
        const identity known = make_leaf("client", files.ca);
        test_server server({}, files.paths);
        const auto anonymous = make_client_context();
        const auto named = make_client_context(&known);
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            for (SSL_CTX* context : {anonymous.get(), named.get()}) {
                SSL_CTX_set_max_proto_version(context, version);
                raw_client client(server.port());
                REQUIRE(client.start_tls(context));
                client.send(get_certificate);
                CHECK(client.read_response().body == (context == named.get() ? "yes" : "no"));
            }
        }
    }

    TEST_CASE("a certificate of another CA is not served") {
        const tls_files files(true);
        const identity other_ca = make_ca("test CA"); // same name, another key
        const identity stranger = make_leaf("client", other_ca);
        test_server server({}, files.paths);
        const auto context = make_client_context(&stranger);
        raw_client client(server.port());
        // In TLS 1.3 the client is done before the server has looked at its certificate.
        CHECK_FALSE((client.start_tls(context.get()) && client.try_send(get_certificate)
                     && !client.is_closed_by_peer()));
        CHECK(server.handled() == 0);
    }

    TEST_CASE("no client CA: a certificate that is shown anyway means nothing") {
        const tls_files files;
        const identity known = make_leaf("client", files.ca);
        test_server server({}, files.paths);
        const auto context = make_client_context(&known);
        raw_client client(server.port());
        REQUIRE(client.start_tls(context.get()));
        client.send(get_certificate);
        CHECK(client.read_response().body == "no");
    }

    TEST_CASE("a resumed session remembers the certificate") {
        const tls_files files(true);
        const identity known = make_leaf("client", files.ca);
        test_server server({}, files.paths);
        const auto context = make_client_context(&known);
        SSL_CTX_set_max_proto_version(context.get(),
                                      TLS1_2_VERSION); // the ticket is there after the handshake
        raw_client first(server.port());
        REQUIRE(first.start_tls(context.get()));
        const std::unique_ptr<SSL_SESSION, freed_by<SSL_SESSION_free>> session(SSL_get1_session(first.tls()));

        raw_client second(server.port());
        REQUIRE(second.start_tls(context.get(), session.get()));
        CHECK(SSL_session_reused(second.tls()) == 1);
        second.send(get_certificate);
        CHECK(second.read_response().body == "yes");
    }

    TEST_CASE("a handshake that does not go on is ended") {
        const tls_files files;
        test_server server({.header_timeout = 30ms}, files.paths);
        raw_client silent(server.port());
        CHECK(silent.is_closed_by_peer());
        raw_client halting(server.port());
        halting.send("\x16\x03\x01\x02");
        CHECK(halting.is_closed_by_peer());
        CHECK(server.drain(raw_client::patience));
    }

    TEST_CASE("a plain request to the TLS port is not served") {
        const tls_files files;
        test_server server({}, files.paths);
        raw_client client(server.port());
        client.send(get_certificate);
        CHECK_THROWS(client.read_response());
        CHECK(server.handled() == 0);
    }

    TEST_CASE("time-outs and limits are answered as over plain TCP") {
        const tls_files files;
        test_server server({.body_timeout = 30ms}, files.paths);
        const auto context = make_client_context();
        raw_client slow(server.port());
        REQUIRE(slow.start_tls(context.get()));
        slow.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
        CHECK(slow.read_response().status == 408);
        CHECK(slow.is_closed_by_peer());

        raw_client big(server.port());
        REQUIRE(big.start_tls(context.get()));
        big.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n"
                 + std::string(400'000, 'b'));
        CHECK(big.read_response().status == 413);

        raw_client malformed(server.port());
        REQUIRE(malformed.start_tls(context.get()));
        malformed.send("GET / HTTP/1.1\r\n\r\n");
        CHECK(malformed.read_response().status == 400);
        CHECK(malformed.is_closed_by_peer());
    }

    TEST_CASE("an idle connection is told that it is over") {
        const tls_files files;
        test_server server({.idle_timeout = 1s}, files.paths);
        const auto context = make_client_context();
        raw_client client(server.port());
        REQUIRE(client.start_tls(context.get()));
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(client.read_response().status == 200);
        CHECK(client.is_closed_by_peer());
        CHECK((SSL_get_shutdown(client.tls()) & SSL_RECEIVED_SHUTDOWN) != 0);
    }

    TEST_CASE("a drain closes idle connections and finishes the others") {
        const tls_files files;
        test_server server({}, files.paths);
        const auto context = make_client_context();
        raw_client idle(server.port());
        REQUIRE(idle.start_tls(context.get()));
        idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        CHECK(idle.read_response().status == 200);
        raw_client busy(server.port());
        REQUIRE(busy.start_tls(context.get()));
        busy.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
        server.await_held(1);

        std::future<bool> drained =
            std::async(std::launch::async, [&] { return server.drain(raw_client::patience); });
        CHECK(idle.is_closed_by_peer());
        server.release();
        CHECK(busy.read_response().header("Connection") == "close");
        CHECK(busy.is_closed_by_peer());
        busy.close();
        CHECK(drained.get());
    }

    TEST_CASE("new connections get a rotated certificate, old ones go on") {
        tls_files files;
        test_server server({}, files.paths);
        const auto context = make_client_context();
        raw_client before(server.port());
        REQUIRE(before.start_tls(context.get()));
        CHECK(common_name(SSL_get0_peer_certificate(before.tls())) == "first");

        files.install(make_leaf("second", files.ca));
        const auto limit = std::chrono::steady_clock::now() + raw_client::patience;
        std::string name = "first";
        while (name == "first" && std::chrono::steady_clock::now() < limit) {
            std::this_thread::sleep_for(
                20ms); // the server looks at its files once a second, and says nothing
            name = server_name(context.get(), server.port());
        }
        CHECK(name == "second");
        before.send(get_certificate);
        CHECK(before.read_response().status == 200);
    }
}

TEST_SUITE("http server TLS files") {
    TEST_CASE("files are looked at once a second") {
        tls_files files;
        tls_context context(files.paths);
        const auto start = std::chrono::steady_clock::now();
        files.install(make_leaf("second", files.ca));
        CHECK(name_in(context.current(start)) == "first");
        CHECK(name_in(context.current(start + 2s, at_rest)) == "second");
        files.install(make_leaf("third", files.ca));
        CHECK(name_in(context.current(start + 2500ms, at_rest)) == "second");
        CHECK(name_in(context.current(start + 3s, at_rest)) == "third");
        CHECK(context.current(start + 4s) == context.current(start + 5s));
    }

    TEST_CASE("files that are being written to are not taken") {
        tls_files files;
        tls_context context(files.paths);
        auto now = std::chrono::steady_clock::now();
        const auto wall = file_watch::wall_clock::now(); // however long it takes to write them
        files.install(make_leaf("second", files.ca));
        CHECK(name_in(context.current(now += 2s, wall)) == "first");
        files.install(make_leaf("third", files.ca));
        CHECK(name_in(context.current(now += 2s, wall)) == "first");
        CHECK(name_in(context.current(now += 2s, wall)) == "third");
    }

    TEST_CASE("files that cannot be used leave the former in use until good ones come") {
        tls_files files(true);
        tls_context context(files.paths);
        const auto start = std::chrono::steady_clock::now();
        const identity second = make_leaf("second", files.ca);

        files.directory.write("certificate.pem", second.certificate_pem()); // its key is not there yet
        CHECK(name_in(context.current(start + 2s, at_rest)) == "first");
        files.directory.write("certificate.pem", "no certificate");
        CHECK(name_in(context.current(start + 4s, at_rest)) == "first");
        files.directory.write("ca.pem", "");
        files.install(second);
        CHECK(name_in(context.current(start + 6s, at_rest)) == "first");
        files.directory.write("ca.pem", files.ca.certificate_pem());
        CHECK(name_in(context.current(start + 8s, at_rest)) == "second");
    }

    TEST_CASE("a server does not start on files that cannot be used") {
        const tls_files good(true);
        const auto with = [&](std::string server_tls::*which, std::string text) {
            server_tls paths = good.paths;
            paths.*which = good.directory.write("other.pem", text);
            return paths;
        };
        CHECK_NOTHROW(tls_context(good.paths));
        CHECK_THROWS_AS(tls_context(with(&server_tls::certificate_file, "")), std::runtime_error);
        CHECK_THROWS_AS(tls_context(with(&server_tls::key_file, "text")), std::runtime_error);
        CHECK_THROWS_AS(tls_context(with(&server_tls::key_file, make_ca("other").key_pem())),
                        std::runtime_error);
        CHECK_THROWS_AS(tls_context(with(&server_tls::client_ca_file, "")), std::runtime_error);
        server_tls absent = good.paths;
        absent.certificate_file += ".absent";
        CHECK_THROWS_AS(tls_context{absent}, std::runtime_error);
    }
}
