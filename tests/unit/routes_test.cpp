#include "http/routes.h"

#include <doctest/doctest.h>

using namespace checkout;

namespace {

const route_match* found(const auto& match) {
    return std::get_if<route_match>(&match);
}

} // namespace

TEST_CASE("a path is split before it is decoded") {
    const auto match = match_route(main_routes(), "GET", "/v1/orders/a%2Fb%20c");
    REQUIRE(found(match));
    CHECK(found(match)->found->target == endpoint::get_order);
    CHECK(found(match)->parameters == std::vector<std::string>{"a/b c"});
    CHECK(std::holds_alternative<no_such_path>(match_route(main_routes(), "GET", "/v1/orders/a/b")));
    CHECK(std::holds_alternative<no_such_path>(match_route(main_routes(), "GET", "/v1/orders/")));
    CHECK(std::holds_alternative<no_such_path>(match_route(main_routes(), "GET", "/v1/orders/x/")));
    CHECK(std::holds_alternative<bad_path>(match_route(main_routes(), "GET", "/v1/orders/%zz")));
}

TEST_CASE("an order may be called as a path is") {
    const auto match = match_route(main_routes(), "GET", "/v1/orders/events/events");
    REQUIRE(found(match));
    CHECK(found(match)->found->target == endpoint::list_order_events);
}

TEST_CASE("HEAD goes where GET goes, and 405 names what is allowed") {
    REQUIRE(found(match_route(main_routes(), "HEAD", "/openapi.yaml")));
    const auto match = match_route(main_routes(), "DELETE", "/v1/orders/x");
    REQUIRE(std::holds_alternative<no_such_method>(match));
    CHECK(std::get<no_such_method>(match).allow == "GET, HEAD");
    const auto post = match_route(main_routes(), "GET", "/v1/checkout-sessions");
    REQUIRE(std::holds_alternative<no_such_method>(post));
    CHECK(std::get<no_such_method>(post).allow == "POST");
}

TEST_CASE("what an ingress may expose asks for no token, everything under /v1 does") {
    for (const auto& each : main_routes())
        CHECK(each.scopes.empty() == !each.pattern.starts_with("/v1/"));
}
