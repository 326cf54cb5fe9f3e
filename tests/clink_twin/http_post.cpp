#include "http_post.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <optional>

namespace clink_twin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

namespace {

constexpr auto quiet = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t max_answer_bytes = 1024 * 1024;

struct target {
    bool tls = false;
    std::string authority; ///< as in the Host header
    std::string host;
    std::string port;
    std::string path;
};

std::optional<target> read_url(const std::string& url) {
    target result;
    result.tls = url.starts_with("https://");
    if (!result.tls && !url.starts_with("http://"))
        return std::nullopt;
    auto rest = url.substr(result.tls ? 8 : 7);
    auto slash = std::min(rest.find_first_of("/?#"), rest.size());
    result.authority = rest.substr(0, slash);
    result.path = rest.substr(slash, std::min(rest.find('#'), rest.size()) - slash);
    if (!result.path.starts_with('/'))
        result.path.insert(0, 1, '/');
    auto colon = result.authority.rfind(':');
    auto bracket = result.authority.rfind(']');
    auto has_port = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
    result.port = has_port ? result.authority.substr(colon + 1) : (result.tls ? "443" : "80");
    result.host = has_port ? result.authority.substr(0, colon) : result.authority;
    if (result.host.starts_with('[') && result.host.ends_with(']'))
        result.host = result.host.substr(1, result.host.size() - 2);
    return result.host.empty() ? std::nullopt : std::optional(std::move(result));
}

post_result failed(const boost::system::error_code& error) {
    return {0, {}, error.message()};
}

http::request<http::string_body> to_message(const post_request& request, const target& to) {
    http::request<http::string_body> message(http::verb::post, to.path, 11);
    message.set(http::field::host, to.authority);
    message.set(http::field::user_agent, "clink-twin");
    message.set(http::field::connection, "close");
    for (auto& [name, value] : request.headers)
        message.set(name, value);
    message.body() = request.body;
    message.prepare_payload();
    return message;
}

template <class Stream>
asio::awaitable<post_result> exchange(Stream& stream, http::request<http::string_body> message) {
    auto [write_error, written] = co_await http::async_write(stream, message, quiet);
    if (write_error)
        co_return failed(write_error);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(max_answer_bytes);
    auto [read_error, size] = co_await http::async_read(stream, buffer, parser, quiet);
    if (read_error)
        co_return failed(read_error);
    co_return post_result{parser.get().result_int(), parser.release().body(), {}};
}

asio::awaitable<post_result> exchange_tls(beast::tcp_stream stream, const target& to,
                                          http::request<http::string_body> message) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    context.set_verify_mode(asio::ssl::verify_none);
    asio::ssl::stream<beast::tcp_stream> secured(std::move(stream), context);
    SSL_set_tlsext_host_name(secured.native_handle(), to.host.c_str());
    auto [error] = co_await secured.async_handshake(asio::ssl::stream_base::client, quiet);
    if (error)
        co_return failed(error);
    co_return co_await exchange(secured, std::move(message));
}

} // namespace

asio::awaitable<post_result> post(post_request request) {
    auto to = read_url(request.url);
    if (!to)
        co_return post_result{0, {}, "the URL is not http or https"};
    auto executor = co_await asio::this_coro::executor;
    tcp::resolver resolver(executor);
    auto [lookup_error, endpoints] = co_await resolver.async_resolve(to->host, to->port, quiet);
    if (lookup_error)
        co_return failed(lookup_error);
    beast::tcp_stream stream(executor);
    stream.expires_after(request.timeout);
    auto [connect_error, endpoint] = co_await stream.async_connect(endpoints, quiet);
    if (connect_error)
        co_return failed(connect_error);
    auto message = to_message(request, *to);
    if (to->tls)
        co_return co_await exchange_tls(std::move(stream), *to, std::move(message));
    co_return co_await exchange(stream, std::move(message));
}

} // namespace clink_twin
