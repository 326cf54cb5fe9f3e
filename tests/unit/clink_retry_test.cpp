#include "clink/retry.h"

#include <boost/asio/error.hpp>
#include <doctest/doctest.h>

using namespace checkout;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

transport_result answered(int status, std::string body) {
    transport_result result;
    result.phase = transport_phase::finished;
    result.status = status;
    result.body = std::move(body);
    return result;
}

transport_result ended(transport_phase phase, boost::system::error_code error) {
    transport_result result;
    result.phase = phase;
    result.error = error;
    return result;
}

bool has_session_id(const json_value& envelope) {
    const auto* data = envelope.find("data");
    return data && data->find("sessionId");
}

std::optional<std::chrono::milliseconds> delay_of(const transport_result& result, retry_question question) {
    return find_retry_delay(classify(result, has_session_id, {"key", instant{}}), result, question);
}

constexpr retry_question a_create{.is_create = true, .tries = 1, .left = 5s, .jitter = 0.5};
constexpr retry_question a_get{.is_create = false, .tries = 1, .left = 5s, .jitter = 0.5};

} // namespace

TEST_CASE("clink retry: a create is tried again only when it was never sent") {
    CHECK(delay_of(ended(transport_phase::connecting, asio::error::connection_refused), a_create) == 50ms);
    CHECK_FALSE(delay_of(ended(transport_phase::writing, asio::error::connection_reset), a_create));
    CHECK_FALSE(delay_of(ended(transport_phase::reading, asio::error::eof), a_create));
    CHECK_FALSE(delay_of(answered(429, ""), a_create));
    CHECK_FALSE(delay_of(answered(503, ""), a_create));
    CHECK_FALSE(delay_of(answered(200, "{}"), a_create));
    auto broken_reuse = ended(transport_phase::reading, asio::error::eof);
    broken_reuse.reused_connection = true;
    CHECK_FALSE(delay_of(broken_reuse, a_create));
}

TEST_CASE("clink retry: a GET is tried again after everything but an answer") {
    CHECK(delay_of(ended(transport_phase::connecting, asio::error::connection_refused), a_get) == 50ms);
    CHECK(delay_of(ended(transport_phase::reading, asio::error::eof), a_get) == 50ms);
    CHECK(delay_of(answered(503, ""), a_get) == 50ms);
    CHECK(delay_of(answered(429, ""), a_get) == 50ms);
    CHECK(delay_of(answered(200, "{}"), a_get) == 50ms);
    CHECK_FALSE(delay_of(answered(404, ""), a_get));
    CHECK_FALSE(delay_of(answered(401, ""), a_get));
    CHECK_FALSE(delay_of(answered(200, R"({"code":500})"), a_get));
    CHECK(delay_of(answered(200, R"({"code":429})"), a_get) == 50ms);
    CHECK_FALSE(delay_of(answered(200, R"({"code":400})"), a_get));
    CHECK_FALSE(delay_of(answered(200, R"({"code":200,"data":{"sessionId":"s"}})"), a_get));
}

TEST_CASE("clink retry: retries end after three tries, and before a deadline they could not meet") {
    const auto failed = answered(503, "");
    auto question = a_get;
    question.jitter = 0.999;
    CHECK(delay_of(failed, question) == 99ms);
    question.tries = 2;
    CHECK(delay_of(failed, question) == 199ms);
    question.tries = 3;
    CHECK_FALSE(delay_of(failed, question));
    question.tries = 1;
    question.left = 99ms;
    CHECK_FALSE(delay_of(failed, question));
    question.jitter = 0;
    question.left = 0ms;
    CHECK_FALSE(delay_of(failed, question));
}

TEST_CASE("clink retry: Retry-After is honoured when it fits") {
    auto busy = answered(429, "");
    busy.retry_after = "2";
    CHECK(delay_of(busy, a_get) == 2s);
    auto question = a_get;
    question.left = 2s;
    CHECK_FALSE(delay_of(busy, question));
}

TEST_CASE(
    "clink retry: a broken kept connection is replaced at once, a refused certificate never tried again") {
    auto broken = ended(transport_phase::reading, asio::error::eof);
    broken.reused_connection = true;
    CHECK(delay_of(broken, a_get) == 0ms);
    broken.error = asio::error::timed_out;
    CHECK(delay_of(broken, a_get) == 50ms);

    auto distrusted = ended(transport_phase::handshaking, asio::error::connection_aborted);
    distrusted.peer_distrusted = true;
    CHECK_FALSE(delay_of(distrusted, a_get));
    CHECK_FALSE(delay_of(distrusted, a_create));
}
