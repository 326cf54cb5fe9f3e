// The hosted page over a socket: its secret, its states and where it sends the customer.
#include "running_twin.h"

#include <doctest/doctest.h>

using namespace clink_twin;

namespace {

std::string path_of(const json_value& made) {
    auto url = text_at(made, {"url"});
    return url.substr(url.find("/pay/"));
}

bool shows(const raw_answer& page, const std::string& status) {
    return page.body.find("data-status=\"" + status + "\"") != std::string::npos;
}

} // namespace

TEST_CASE("only whoever has the secret sees the page") {
    running_twin twin;
    auto made = twin.create();
    auto path = path_of(made);
    CHECK(shows(twin.send("GET", path), "open"));
    CHECK(twin.send("GET", path.substr(0, path.find("%23"))).status == 404);
    CHECK(twin.send("GET", path + "x").status == 404);
    CHECK(twin.send("POST", "/pay/" + text_at(made, {"sessionId"}) + "%23/pay").status == 404);
}

TEST_CASE("paying goes to the success URL with the session's id, however often it is pressed") {
    running_twin twin;
    auto made = twin.create();
    auto path = path_of(made);
    auto target = "https://shop.example/ok?x=1&sessionId=" + text_at(made, {"sessionId"});
    for (auto press = 0; press < 2; ++press) {
        auto pressed = twin.send("POST", path + "/pay", "method=CARD&card=4242+4242+4242+4242");
        CHECK(pressed.status == 303);
        CHECK(pressed.header("Location") == target);
    }
    CHECK(shows(twin.send("GET", path), "paid"));
    CHECK(text_at(twin.control("GET", "/stats"), {"orders"}) == "1");
}

TEST_CASE("a declined card and any other number leave the page open for another attempt") {
    running_twin twin;
    auto path = path_of(twin.create());
    CHECK(twin.send("POST", path + "/decline", "method=CARD").status == 303);
    CHECK(shows(twin.send("GET", path), "failed"));
    CHECK(twin.send("POST", path + "/pay", "method=CARD&card=4000000000000002")
              .header("Location")
              .starts_with("../"));
    CHECK(shows(twin.send("GET", path), "failed"));
    CHECK(twin.send("POST", path + "/pay", "method=CARD")
              .header("Location")
              .starts_with("https://shop.example/ok"));
}

TEST_CASE("leaving goes to the cancel URL as it is and changes nothing") {
    running_twin twin;
    auto path = path_of(twin.create());
    CHECK(twin.send("GET", path + "/leave").header("Location") == "https://shop.example/cart");
    CHECK(shows(twin.send("GET", path), "open"));
}

TEST_CASE("a payment under way and an expired session say so and take no payment") {
    running_twin twin;
    auto under_way = path_of(twin.create());
    twin.send("POST", under_way + "/process", "method=CARD");
    CHECK(shows(twin.send("GET", under_way), "processing"));
    CHECK(twin.send("POST", under_way + "/pay", "method=CARD").header("Location").starts_with("../"));
    CHECK(twin.send("POST", under_way + "/settle").header("Location").starts_with("https://shop.example/ok"));
    CHECK(shows(twin.send("GET", under_way), "paid"));

    auto expired = path_of(twin.create());
    twin.send("POST", expired + "/expire");
    CHECK(shows(twin.send("GET", expired), "expired"));
    twin.send("POST", expired + "/pay", "method=CARD");
    CHECK(shows(twin.send("GET", expired), "expired"));
}

TEST_CASE("what the merchant says is text on the page, never markup") {
    running_twin twin;
    auto answer = twin.api(
        "POST", "/checkout/session",
        R"({"originalAmount":5,"originalCurrency":"EUR","customerEmail":"\"><script>@x",)"
        R"("merchantReferenceId":"<b>","priceDataList":[{"name":"<img src=x>{key}","unitAmount":5}]})");
    auto page = twin.send("GET", path_of(*answer.json().find("data"))).body;
    for (auto* markup : {"<script", "<img", "<b>"})
        CHECK(page.find(markup) == std::string::npos);
    CHECK(page.find("&lt;img src=x&gt;{key}") != std::string::npos);
}
