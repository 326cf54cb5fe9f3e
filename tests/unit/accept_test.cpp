// Which media type an answer has (RFC 9110 section 12.5.1).
#include "http/answers.h"

#include <doctest/doctest.h>

using namespace checkout;

namespace {

constexpr std::string_view offered[] = {"application/json", "text/csv", "application/x-ndjson"};

/// The media type that a request with that Accept gets, "none" when it gets none.
std::string_view choose(std::string_view accept) {
    http_request request;
    request.headers = {{"Host", "test"}, {"accept", std::string(accept)}};
    const auto chosen = choose_media_type(request, offered);
    return chosen ? offered[*chosen] : "none";
}

} // namespace

TEST_CASE("accept: who does not say gets what the server likes best") {
    http_request silent;
    CHECK(choose_media_type(silent, offered) == 0);
    CHECK(choose("") == "application/json");
    CHECK(choose("  ") == "application/json");
    CHECK(choose("*/*") == "application/json");
}

TEST_CASE("accept: a media type that is named is given, one that is not is not") {
    CHECK(choose("text/csv") == "text/csv");
    CHECK(choose("application/x-ndjson") == "application/x-ndjson");
    CHECK(choose("application/json") == "application/json");
    CHECK(choose("TEXT/CSV") == "text/csv");
    CHECK(choose("text/csv; charset=utf-8") == "text/csv");
    CHECK(choose("text/csv;header=present;q=0.5") == "text/csv");
    CHECK(choose("text/html") == "none");
    CHECK(choose("text/csvx") == "none");
    CHECK(choose("application/json-patch+json") == "none");
    CHECK(choose("text") == "none");
    CHECK(choose("text/html, text/csv") == "text/csv");
    CHECK(choose("text/html,,\ttext/csv ,") == "text/csv");
}

TEST_CASE("accept: wildcards take what they cover, in the order of the server's liking") {
    CHECK(choose("text/*") == "text/csv");
    CHECK(choose("application/*") == "application/json");
    CHECK(choose("image/*") == "none");
    CHECK(choose("text/html, */*;q=0.1") == "application/json");
    CHECK(choose("text/html, application/xhtml+xml, application/xml;q=0.9, image/webp, */*;q=0.8")
          == "application/json");
}

TEST_CASE("accept: the higher weight wins, wherever it stands") {
    CHECK(choose("application/json;q=0.5, text/csv") == "text/csv");
    CHECK(choose("text/csv, application/json;q=0.5") == "text/csv");
    CHECK(choose("application/json;q=0.8, text/csv;q=0.9, application/x-ndjson;q=0.1") == "text/csv");
    CHECK(choose("application/json; q=0.123, text/csv; q=0.124") == "text/csv");
    CHECK(choose("application/json;q=0.9, application/x-ndjson;q=0.95") == "application/x-ndjson");
    CHECK(choose("application/json;q=0.999, application/x-ndjson;q=1.000") == "application/x-ndjson");
    CHECK(choose("application/json;Q=0.1, text/csv;Q=0.2") == "text/csv");
    CHECK(choose("application/x-ndjson;q=0.5, text/csv;q=0.5") == "text/csv");
    CHECK(choose("application/json;charset=utf-8;q=0.1, text/csv;q=0.2") == "text/csv");
}

TEST_CASE("accept: a weight of 0 is a refusal") {
    CHECK(choose("text/csv;q=0") == "none");
    CHECK(choose("*/*;q=0") == "none");
    CHECK(choose("text/csv;q=0.000, application/json;q=0.001") == "application/json");
    CHECK(choose("application/json;q=0, */*") == "text/csv");
    CHECK(choose("*/*, application/json;q=0") == "text/csv");
    CHECK(choose("application/*;q=0, */*;q=0.1") == "text/csv");
}

TEST_CASE("accept: the most specific range decides, not the kindest") {
    CHECK(choose("application/*, application/json;q=0.1") == "application/x-ndjson");
    CHECK(choose("application/json;q=0.1, application/*") == "application/x-ndjson");
    CHECK(choose("*/*, application/*;q=0.2, application/x-ndjson;q=0.3") == "text/csv");
    CHECK(choose("*/*;q=0.9, text/*;q=0.1, application/*;q=0.5") == "application/json");
    CHECK(choose("text/*;q=0, text/csv;q=0.1") == "text/csv");
}

TEST_CASE("accept: a list in several lines is one list") {
    http_request request;
    request.headers = {{"Accept", "application/json;q=0.1"}, {"Accept", "text/csv"}};
    CHECK(choose_media_type(request, offered) == 1);
    request.headers = {{"Accept", "text/html"}, {"Accept", "application/x-ndjson"}};
    CHECK(choose_media_type(request, offered) == 2);
}
