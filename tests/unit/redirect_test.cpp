#include "domain/redirect.h"

#include "crypto/digest.h"
#include "domain/instant.h"

#include <doctest/doctest.h>

using namespace checkout;

namespace {

const std::string first_key(32, 'a');
const std::string second_key(32, 'b');
const attempt_id attempt("01a1fd8f-9923-7a78-9229-141b4aedb57d");

redirect_outcome make_outcome() {
    return {.order_id = merchant_order_id("ORD 1/ä"),
            .session_id = clink_session_id("sess_1"),
            .status = "paid",
            .at = *parse_rfc3339("2026-11-21T12:00:00Z")};
}

} // namespace

TEST_CASE("a cancel token names its attempt, under the old key as under the new") {
    const auto token = redirect_signer({first_key}).make_cancel_token(attempt);
    CHECK(redirect_signer({first_key}).read_cancel_token(token) == attempt);
    CHECK(redirect_signer({second_key, first_key}).read_cancel_token(token) == attempt);
    CHECK_FALSE(redirect_signer({second_key}).read_cancel_token(token));
}

TEST_CASE("no other text is a token") {
    const redirect_signer signer({first_key});
    const auto token = signer.make_cancel_token(attempt);
    for (std::size_t i = 0; i < token.size(); ++i) {
        auto forged = token;
        forged[i] = forged[i] == 'A' ? 'B' : 'A';
        CHECK_FALSE(signer.read_cancel_token(forged));
    }
    CHECK_FALSE(signer.read_cancel_token(""));
    CHECK_FALSE(signer.read_cancel_token(token + "A"));
    CHECK_FALSE(signer.read_cancel_token(token.substr(1)));
    CHECK_FALSE(signer.read_cancel_token("../../etc/passwd"));
}

TEST_CASE("a redirect's signature is over the four encoded values, with the storefront's key") {
    const auto url =
        redirect_signer({first_key, second_key}).sign_redirect("https://shop.example/thanks", make_outcome());
    const std::string values = "ORD%201%2F%C3%A4&sess_1&paid&1795262400";
    const auto signature = to_hex(hmac_sha256(redirect_signer::derive_storefront_key(first_key), values));
    CHECK(url
          == "https://shop.example/"
             "thanks?merchantOrderId=ORD%201%2F%C3%A4&sessionId=sess_1&status=paid&ts=1795262400"
             "&signature="
                 + signature);
}

TEST_CASE("the storefront's key makes no tokens") {
    const auto key = redirect_signer::derive_storefront_key(first_key);
    const auto forged = redirect_signer({key}).make_cancel_token(attempt);
    CHECK_FALSE(redirect_signer({first_key}).read_cancel_token(forged));
}

TEST_CASE("parameters are set before a fragment, replacing those of the same name and keeping the rest") {
    const std::vector<std::pair<std::string, std::string>> set{{"status", "a b"}};
    CHECK(set_query_parameters("https://s.example", set) == "https://s.example?status=a%20b");
    CHECK(set_query_parameters("https://s.example/?", set) == "https://s.example/?status=a%20b");
    CHECK(set_query_parameters("https://s.example/p?x=1&status=paid&y=%20", set)
          == "https://s.example/p?x=1&y=%20&status=a%20b");
    CHECK(set_query_parameters("https://s.example/p?status&statuses=1#frag?status=2", set)
          == "https://s.example/p?statuses=1&status=a%20b#frag?status=2");
}
