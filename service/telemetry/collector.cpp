#include "telemetry/collector.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include <stdexcept>
#include <type_traits>

namespace checkout {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using tls_stream = asio::ssl::stream<beast::tcp_stream>;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t most_header_bytes = 16 * 1024;
constexpr std::uint64_t most_answer_bytes = 64 * 1024;

std::optional<asio::ssl::context> make_tls_context(const collector_options& options) {
    if (!options.https)
        return std::nullopt;
    asio::ssl::context context(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    context.set_verify_mode(asio::ssl::verify_peer);
    error_code error;
    if (options.ca_file.empty())
        context.set_default_verify_paths(error);
    else
        context.load_verify_file(options.ca_file, error);
    if (error)
        throw std::runtime_error("the collector's certificate authorities cannot be read: "
                                 + error.message());
    return context;
}

std::string host_header(const collector_options& options) {
    const auto host = options.host.find(':') == std::string::npos ? options.host : "[" + options.host + "]";
    return options.port == (options.https ? "443" : "80") ? host : host + ":" + options.port;
}

/// What every request has comes last, so that no header of the operator's takes its place.
http::request<http::string_body> make_request(const collector_options& options, std::string body) {
    http::request<http::string_body> request(http::verb::post, options.path, 11);
    for (const auto& [name, value] : options.headers)
        request.set(name, value);
    request.set(http::field::host, host_header(options));
    request.set(http::field::user_agent, "clink-checkout/" + options.version);
    request.set(http::field::content_type, "application/json");
    request.set(http::field::connection, "close");
    request.erase(http::field::transfer_encoding);
    request.body() = std::move(body);
    request.prepare_payload();
    return request;
}

collector_answer failed(error_code error) {
    collector_answer answer;
    answer.error = error == beast::error::timeout ? error_code(asio::error::timed_out) : error;
    return answer;
}

// Server name indication is for names only (RFC 6066, 3); the certificate is checked against either.
error_code prepare_verification(tls_stream& stream, const std::string& host) {
    error_code error;
    asio::ip::make_address(host, error);
    const bool is_name = error.failed();
    if (is_name && SSL_set_tlsext_host_name(stream.native_handle(), host.c_str()) != 1)
        return error_code(static_cast<int>(ERR_get_error()), asio::error::get_ssl_category());
    error.clear();
    stream.set_verify_callback(asio::ssl::host_name_verification(host), error);
    return error;
}

/// Each address has an equal share of the time left.
asio::awaitable<error_code> connect(beast::tcp_stream& stream, host_question::addresses addresses,
                                    collector::clock::time_point deadline) {
    error_code error = asio::error::host_not_found;
    for (std::size_t tried = 0; tried < addresses.size(); ++tried) {
        const auto now = collector::clock::now();
        stream.expires_at(now + (deadline - now) / static_cast<int>(addresses.size() - tried));
        const auto [failure] = co_await stream.async_connect(addresses[tried], as_result);
        error = failure;
        if (!error)
            break;
        stream.close(); // the next address may be of another family
    }
    co_return error;
}

} // namespace

collector::collector(asio::io_context& io, collector_options options)
    : io_(io),
      options_(std::move(options)),
      tls_(make_tls_context(options_)) {}

collector::~collector() {
    if (asked_)
        asked_->forget();
}

asio::awaitable<collector_answer> collector::post(std::string body, clock::time_point deadline) {
    auto addresses = co_await find_addresses(deadline);
    if (addresses.empty())
        co_return failed(asio::error::host_not_found);
    if (tls_) {
        tls_stream stream(io_, *tls_);
        co_return co_await exchange(stream, std::move(addresses), std::move(body), deadline);
    }
    beast::tcp_stream stream(io_);
    co_return co_await exchange(stream, std::move(addresses), std::move(body), deadline);
}

/// A question that was given up at a deadline is not asked again while it is under way.
asio::awaitable<host_question::addresses> collector::find_addresses(clock::time_point deadline) {
    error_code not_an_address;
    const auto address = asio::ip::make_address(options_.host, not_an_address);
    if (!not_an_address)
        co_return host_question::addresses{{address, static_cast<std::uint16_t>(std::stoi(options_.port))}};
    const auto woken = std::make_shared<asio::steady_timer>(io_, deadline);
    if (!asked_ || asked_->is_answered())
        asked_ = host_question::ask(options_.host, options_.port);
    asked_->tell([this, woken] { asio::post(io_, [woken] { woken->cancel(); }); });
    co_await woken->async_wait(as_result);
    co_return asked_->found();
}

template <class Stream>
asio::awaitable<collector_answer> collector::exchange(Stream& stream, host_question::addresses addresses,
                                                      std::string body, clock::time_point deadline) {
    auto& socket = beast::get_lowest_layer(stream);
    if (const auto error = co_await connect(socket, std::move(addresses), deadline))
        co_return failed(error);
    socket.expires_at(deadline);
    if constexpr (std::is_same_v<Stream, tls_stream>) {
        if (const auto error = prepare_verification(stream, options_.host))
            co_return failed(error);
        const auto [error] = co_await stream.async_handshake(tls_stream::client, as_result);
        if (error)
            co_return failed(error);
    }
    const auto request = make_request(options_, std::move(body));
    const auto [not_sent, sent] = co_await http::async_write(stream, request, as_result);
    if (not_sent)
        co_return failed(not_sent);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.header_limit(most_header_bytes);
    parser.body_limit(most_answer_bytes);
    const auto [not_read, read] = co_await http::async_read(stream, buffer, parser, as_result);
    if (not_read)
        co_return failed(not_read);
    collector_answer answer;
    answer.status = static_cast<int>(parser.get().result_int());
    answer.retry_after = parser.get()[http::field::retry_after];
    answer.body = std::move(parser.get().body());
    co_return answer;
}

} // namespace checkout
