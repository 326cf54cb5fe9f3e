#include "support/clink_under_test.h"

namespace checkout::test {

const std::string clink_api_key = "sk_test_very_secret";
const std::string created_body =
    R"({"code":200,"msg":"success","data":{"sessionId":"sess_1","tokenValue":"tok_1",)"
    R"("originalAmount":49.90,"originalCurrency":"USD","url":"https://pay.example/sess_1"}})";
const std::string session_body =
    R"({"code":200,"msg":"success","data":{"sessionId":"sess_1","status":"open","paymentStatus":"unpaid"}})";

create_command clink_command() {
    create_command command;
    command.order_id = merchant_order_id("order-1");
    command.attempt = attempt_id("a1");
    command.terms.original = {*decimal::parse("49.90"), "USD"};
    command.terms.customer_email = "a@b.example";
    command.terms.items = {{"Tea", *decimal::parse("49.90"), 1, std::nullopt, std::nullopt}};
    command.success_url = "https://shop.example/ok";
    return command;
}

clink_options clink_options_for(std::string base_url) {
    clink_options options;
    options.base_url = std::move(base_url);
    options.api_key = clink_api_key;
    options.answer_bytes = 64 * 1024;
    options.version = "1.2.3";
    return options;
}

namespace {

clink_options with(clink_options options, std::chrono::milliseconds timeout, std::string ca_file) {
    options.timeout = timeout;
    options.ca_file = std::move(ca_file);
    return options;
}

} // namespace

clink_under_test::clink_under_test(std::string base_url, std::chrono::milliseconds timeout,
                                   std::string ca_file)
    : client(io, with(clink_options_for(std::move(base_url)), timeout, std::move(ca_file))) {}

scripted_peer::script sending_after_request(std::string bytes) {
    return [bytes = std::move(bytes)](peer_connection& connection) {
        connection.read_request();
        connection.send(bytes);
    };
}

scripted_peer::script until_closed() {
    return [](peer_connection& connection) { connection.await_close(); };
}

} // namespace checkout::test
