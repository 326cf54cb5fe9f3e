#include "http/problem.h"

#include "json/json.h"

#include <doctest/doctest.h>

#include <array>
#include <set>

using namespace checkout;

namespace {

json_value body_of(const http_response& response) {
    auto parsed = parse_json(response.body);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}

std::string text_at(const json_value& object, std::string_view name) {
    const auto* value = object.find(name);
    REQUIRE(value);
    REQUIRE(value->if_string());
    return *value->if_string();
}

std::optional<std::string> header_of(const http_response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
        if (key == name)
            return value;
    return std::nullopt;
}

} // namespace

TEST_CASE("problem: a problem has the members of RFC 9457 and a code") {
    const auto response = to_response({.code = problem_code::order_already_paid, .detail = "It is."}, "7d3f");
    CHECK(response.status == 409);
    CHECK(header_of(response, "Content-Type") == "application/problem+json");
    const auto body = body_of(response);
    CHECK(body.if_object()->size() == 6);
    CHECK(text_at(body, "type") == "urn:clink-checkout:problem:order_already_paid");
    CHECK(text_at(body, "code") == "order_already_paid");
    CHECK(text_at(body, "detail") == "It is.");
    CHECK(text_at(body, "instance") == "urn:clink-checkout:request:7d3f");
    CHECK_FALSE(text_at(body, "title").empty());
    CHECK(body.find("status")->if_number()->token == "409");
}

TEST_CASE("problem: a problem without words of its own has some") {
    CHECK_FALSE(text_at(body_of(to_response({.code = problem_code::not_found}, "r")), "detail").empty());
}

TEST_CASE("problem: every kind is fit to be answered") {
    std::set<std::string_view> names;
    for (const auto& kind : problem_kinds()) {
        CAPTURE(kind.name);
        CHECK(&kind_of(kind.code) == &kind);
        CHECK(names.insert(kind.name).second);
        CHECK(kind.status >= 400);
        CHECK(kind.status < 600);
        CHECK_FALSE(kind.title.empty());
        CHECK(kind.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
        CHECK(to_response({.code = kind.code}, "r").status == kind.status);
        if (kind.status == 503 || kind.status == 429)
            CHECK(kind.retry_after.count() > 0);
    }
}

TEST_CASE("problem: Retry-After is the occurrence's, else the kind's") {
    using namespace std::chrono_literals;
    CHECK(header_of(to_response({.code = problem_code::payment_processing, .retry_after = 30s}, "r"),
                    "Retry-After")
          == "30");
    CHECK(header_of(to_response({.code = problem_code::payment_processing, .retry_after = 0s}, "r"),
                    "Retry-After")
          == "1");
    CHECK(header_of(to_response({.code = problem_code::payment_processing}, "r"), "Retry-After"));
    CHECK_FALSE(header_of(to_response({.code = problem_code::clink_outcome_unknown}, "r"), "Retry-After"));
}

TEST_CASE("problem: 401 and a lacking scope challenge as RFC 6750 says") {
    const auto challenge =
        header_of(to_response({.code = problem_code::unauthorized}, "r"), "WWW-Authenticate");
    REQUIRE(challenge);
    CHECK(challenge->starts_with("Bearer "));
    CHECK(header_of(to_response({.code = problem_code::insufficient_scope}, "r"), "WWW-Authenticate")
              .value()
              .ends_with(R"(error="insufficient_scope")"));
    CHECK_FALSE(header_of(to_response({.code = problem_code::not_found}, "r"), "WWW-Authenticate"));
}

TEST_CASE("problem: wrong fields are listed") {
    const auto occurrence = make_validation_problem({{"/a", "Is required."}, {"/b/0", "Must be \"so\"."}});
    const auto response = to_response(occurrence, "r");
    CHECK(response.status == 422);
    const auto body = body_of(response);
    const auto& errors = *body.find("errors")->if_array();
    REQUIRE(errors.size() == 2);
    CHECK(text_at(errors[1], "pointer") == "/b/0");
    CHECK(text_at(errors[1], "message") == "Must be \"so\".");
}

TEST_CASE("problem: conflicts are listed, a lacking side as null") {
    failure expected{
        .code = errc::order_terms_conflict,
        .detail = "Differs.",
        .conflicts = {{"/originalAmount", "49.9", "59.9"}, {"/cancelUrl", std::nullopt, "https://a/"}},
        .refusal = {},
        .retry_after = {}};
    const auto body = body_of(to_response(to_problem(std::move(expected)), "r"));
    const auto& conflicts = *body.find("conflicts")->if_array();
    REQUIRE(conflicts.size() == 2);
    CHECK(text_at(conflicts[0], "recorded") == "49.9");
    CHECK(text_at(conflicts[0], "requested") == "59.9");
    CHECK(conflicts[1].find("recorded")->is_null());
}

TEST_CASE("problem: a refusal carries Clink's words") {
    failure expected{.code = errc::clink_rejected,
                     .detail = "",
                     .conflicts = {},
                     .refusal = clink_refusal{"400", ""},
                     .retry_after = {}};
    const auto response = to_response(to_problem(std::move(expected)), "r");
    CHECK(response.status == 502);
    const auto body = body_of(response);
    CHECK(text_at(body, "clinkCode") == "400");
    CHECK(body.find("clinkMessage")->is_null());
}

TEST_CASE("problem: every expected failure has the code of its name") {
    constexpr std::array failures{
        std::pair(errc::order_not_found, "order_not_found"),
        std::pair(errc::session_not_found, "session_not_found"),
        std::pair(errc::creation_in_progress, "creation_in_progress"),
        std::pair(errc::order_terms_conflict, "order_terms_conflict"),
        std::pair(errc::payment_processing, "payment_processing"),
        std::pair(errc::order_already_paid, "order_already_paid"),
        std::pair(errc::order_cancelled, "order_cancelled"),
        std::pair(errc::too_many_open_sessions, "too_many_open_sessions"),
        std::pair(errc::customer_not_found, "customer_not_found"),
        std::pair(errc::customer_identifier_not_matched, "customer_identifier_not_matched"),
        std::pair(errc::clink_rejected, "clink_rejected"),
        std::pair(errc::clink_answer_mismatch, "clink_answer_mismatch"),
        std::pair(errc::clink_unavailable, "clink_unavailable"),
        std::pair(errc::clink_outcome_unknown, "clink_outcome_unknown"),
    };
    // The enumerators are numbered from 1 without a gap, so a new one is missed here by its number.
    for (std::size_t i = 0; i < failures.size(); ++i) {
        const auto& [code, name] = failures[i];
        CHECK(static_cast<std::size_t>(code) == i + 1);
        CHECK(kind_of(
                  to_problem({.code = code, .detail = "", .conflicts = {}, .refusal = {}, .retry_after = {}})
                      .code)
                  .name
              == name);
    }
}
