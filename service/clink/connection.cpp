#include "clink/connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <type_traits>

namespace checkout {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using tls_stream = asio::ssl::stream<tcp::socket>;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t header_bytes = 64 * 1024;
constexpr int most_interim_answers = 16;

using answer_parser = http::response_parser<http::string_body>;

bool is_interim(const answer_parser& parser) {
    return parser.get().result_int() / 100 == 1 && parser.get().result() != http::status::switching_protocols;
}

http::request<http::string_body> to_message(transport_request request) {
    http::request<http::string_body> message(http::string_to_verb(request.method), request.target, 11);
    for (const auto& [name, value] : request.headers)
        message.set(name, value);
    message.body() = std::move(request.body);
    message.prepare_payload();
    return message;
}

template <class Stream>
class basic_connection final : public clink_connection {
public:
    template <class... Arguments>
    explicit basic_connection(connection_settings settings, Arguments&&... arguments)
        : settings_(std::move(settings)),
          stream_(std::forward<Arguments>(arguments)...) {}

    asio::awaitable<error_code> connect(tcp::endpoint peer) override {
        abort();
        const auto [error] = co_await socket().async_connect(peer, as_result);
        if (!error) {
            error_code ignored;
            socket().set_option(tcp::no_delay(true), ignored);
        }
        co_return error;
    }

    asio::awaitable<transport_result> handshake() override {
        transport_result result;
        result.phase = transport_phase::handshaking;
        if constexpr (std::is_same_v<Stream, tls_stream>) {
            result.error = prepare_verification();
            if (!result.error) {
                const auto [error] = co_await stream_.async_handshake(tls_stream::client, as_result);
                result.error = error;
                result.peer_distrusted = error && SSL_get_verify_result(stream_.native_handle()) != X509_V_OK;
            }
        }
        co_return result;
    }

    asio::awaitable<transport_result> exchange(transport_request request) override {
        transport_result result;
        result.phase = transport_phase::writing;
        may_carry_more_ = false;
        const auto message = to_message(std::move(request));
        const auto [error, bytes] = co_await http::async_write(stream_, message, as_result);
        result.error = error;
        if (!error)
            co_await read_answer(result);
        co_return result;
    }

    bool is_usable() override {
        if (!may_carry_more_ || !socket().is_open())
            return false;
        char byte = 0;
        error_code error;
        socket().non_blocking(true, error);
        socket().receive(asio::buffer(&byte, 1), tcp::socket::message_peek, error);
        return error == asio::error::would_block;
    }

    void abort() override {
        error_code ignored;
        socket().close(ignored);
    }

private:
    tcp::socket& socket() {
        if constexpr (std::is_same_v<Stream, tls_stream>)
            return stream_.next_layer();
        else
            return stream_;
    }

    // Server name indication is for names only (RFC 6066, 3); the certificate is checked against either.
    error_code prepare_verification() {
        error_code error;
        asio::ip::make_address(settings_.host, error);
        const bool is_name = error.failed();
        if (is_name && SSL_set_tlsext_host_name(stream_.native_handle(), settings_.host.c_str()) != 1)
            return error_code(static_cast<int>(ERR_get_error()), asio::error::get_ssl_category());
        error.clear();
        stream_.set_verify_callback(asio::ssl::host_name_verification(settings_.host), error);
        return error;
    }

    // Passes over interim answers (100 Continue, 103 Early Hints), which announce the answer and are none.
    asio::awaitable<void> read_answer(transport_result& result) {
        result.phase = transport_phase::reading;
        for (int interim = 0; interim < most_interim_answers; ++interim) {
            answer_parser parser;
            parser.header_limit(header_bytes);
            parser.body_limit(settings_.answer_bytes);
            const auto [error, bytes] = co_await http::async_read(stream_, buffer_, parser, as_result);
            result.error = error;
            if (parser.is_header_done())
                result.status = static_cast<int>(parser.get().result_int());
            if (error)
                co_return;
            if (!is_interim(parser)) {
                take(parser, result);
                co_return;
            }
        }
        result.error = http::make_error_code(http::error::bad_status);
    }

    void take(answer_parser& parser, transport_result& result) {
        result.phase = transport_phase::finished;
        may_carry_more_ = parser.keep_alive() && buffer_.size() == 0;
        result.retry_after = parser.get()[http::field::retry_after];
        result.body = std::move(parser.get().body());
    }

    const connection_settings settings_;
    Stream stream_;
    boost::beast::flat_buffer buffer_;
    bool may_carry_more_ = false;
};

} // namespace

std::shared_ptr<clink_connection> make_connection(asio::any_io_executor executor,
                                                  connection_settings settings) {
    if (settings.tls)
        return std::make_shared<basic_connection<tls_stream>>(settings, executor, *settings.tls);
    return std::make_shared<basic_connection<tcp::socket>>(settings, executor);
}

} // namespace checkout
