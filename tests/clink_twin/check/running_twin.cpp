#include "running_twin.h"

#include "core.h"

#include <doctest/doctest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace clink_twin {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr auto key = "sk_test_check";

raw_answer read_answer(tcp::socket& socket) {
    raw_answer answer;
    std::string text;
    asio::read(socket, asio::dynamic_buffer(text), answer.end);
    auto head_end = text.find("\r\n\r\n");
    if (head_end == std::string::npos)
        return answer;
    answer.head = text.substr(0, head_end + 2);
    answer.body = text.substr(head_end + 4);
    answer.status = static_cast<unsigned>(std::stoi(answer.head.substr(9, 3)));
    return answer;
}

} // namespace

json_value raw_answer::json() const {
    auto value = checkout::parse_json(body);
    REQUIRE_MESSAGE(value.has_value(), body);
    return *value;
}

std::string raw_answer::header(std::string_view name) const {
    auto at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos)
        return {};
    at += name.size() + 4;
    return head.substr(at, head.find("\r\n", at) - at);
}

running_twin::running_twin(std::function<void(twin_options&)> change)
    : receiver_(io_, {"127.0.0.1:0", {}, {}},
                [this](http_request request, std::uint64_t) { return receive(std::move(request)); }) {
    twin_options options;
    options.api_key = key;
    options.settings.promotions = usual_promotions();
    options.settings.webhooks.url = "http://" + receiver_.address() + "/hooks?a=b";
    options.settings.webhooks.secret = "whsec_check";
    options.settings.webhooks.retry_scale = decimal::from_integer(1); // far away: a flush brings retries near
    if (change)
        change(options);
    receiver_.start();
    twin_ = std::make_unique<twin>(io_, options);
    thread_ = std::thread([this] { io_.run(); });
}

running_twin::~running_twin() {
    io_.stop();
    thread_.join();
}

asio::awaitable<wire_reply> running_twin::receive(http_request request) {
    std::lock_guard lock(mutex_);
    received_.push_back({std::string(request.header("X-Clink-Timestamp").value_or("")),
                         std::string(request.header("X-Clink-Signature").value_or("")), request.body});
    wire_reply reply;
    reply.answer.status = webhook_status_;
    reply.answer.body = webhook_body_;
    co_return reply;
}

raw_answer running_twin::send(const std::string& method, const std::string& target, const std::string& body,
                              const std::string& headers) const {
    asio::io_context io;
    tcp::socket socket(io);
    auto [host, port] = split_address(twin_->address());
    asio::connect(socket, tcp::resolver(io).resolve(host, port));
    auto text = method + " " + target + " HTTP/1.1\r\nHost: twin\r\nConnection: close\r\nContent-Length: "
                + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
    asio::write(socket, asio::buffer(text));
    return read_answer(socket);
}

raw_answer running_twin::api(const std::string& method, const std::string& path,
                             const std::string& body) const {
    return send(method, "/api" + path, body,
                std::string("X-API-Key: ") + key
                    + "\r\nX-Timestamp: " + std::to_string(to_milliseconds(now())) + "\r\n");
}

json_value running_twin::control(const std::string& method, const std::string& path,
                                 const std::string& body) const {
    auto answer = send(method, "/control" + path, body);
    REQUIRE_MESSAGE(answer.status == 200, answer.body);
    return answer.json();
}

json_value running_twin::create(const std::string& reference) const {
    auto answer = api("POST", "/checkout/session",
                      R"({"originalAmount":49.90,"originalCurrency":"USD","customerEmail":"ada@example.com",)"
                      R"("successUrl":"https://shop.example/ok?x=1","cancelUrl":"https://shop.example/cart",)"
                      R"("merchantReferenceId":")"
                          + reference + R"("})");
    REQUIRE(answer.status == 200);
    return *answer.json().find("data");
}

std::vector<running_twin::received> running_twin::webhooks() const {
    std::lock_guard lock(mutex_);
    return received_;
}

std::vector<std::string> running_twin::webhook_types() const {
    std::vector<std::string> types;
    for (auto& each : webhooks())
        types.push_back(text_at(*checkout::parse_json(each.body), {"type"}));
    return types;
}

void running_twin::answer_webhooks(unsigned status, std::string body) {
    std::lock_guard lock(mutex_);
    webhook_status_ = status;
    webhook_body_ = std::move(body);
}

std::string text_at(const json_value& tree, std::initializer_list<std::string_view> path) {
    auto* at = &tree;
    for (auto name : path) {
        at = at->find(name);
        if (!at)
            return "(absent)";
    }
    auto* text = at->if_string();
    return text ? *text : checkout::write_json(*at);
}

} // namespace clink_twin
