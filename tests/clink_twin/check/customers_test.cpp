// The truth table of clink-api.md 2.3, row by row.
#include "customers.h"

#include <doctest/doctest.h>

#include <memory>

using namespace clink_twin;

namespace {

customer_book book_with(std::initializer_list<customer> known) {
    auto next = std::make_shared<int>(0);
    customer_book book([next] { return "cus_new" + std::to_string(++*next); });
    for (auto& each : known)
        book.add(each);
    return book;
}

std::string id_of(const outcome<customer>& result) {
    return result ? result->id : result.error().message;
}

constexpr auto not_found = "CUSTOMER_NOT_FOUND";
constexpr auto not_matched = "CUSTOMER_IDENTIFIER_NOT_MATCHED";
const customer ada{"cus_a", "ada@example.com", "ref-a"};
const customer bob{"cus_b", "bob@example.com", ""};

} // namespace

TEST_CASE("no identifier at all is CUSTOMER_NOT_FOUND, unless an instrument import is given") {
    auto book = book_with({});
    CHECK(id_of(book.resolve({})) == not_found);
    CHECK(id_of(book.resolve({"", "", "", true})) == "cus_new1");
}

TEST_CASE("a customer id leads, and the other identifiers must agree with it") {
    auto book = book_with({ada, bob});
    CHECK(id_of(book.resolve({"cus_a", "", ""})) == "cus_a");
    CHECK(id_of(book.resolve({"cus_none", "", ""})) == not_found);
    CHECK(id_of(book.resolve({"cus_a", "ada@example.com", "ref-a"})) == "cus_a");
    CHECK(id_of(book.resolve({"cus_a", "bob@example.com", ""})) == not_matched);
    CHECK(id_of(book.resolve({"cus_a", "", "ref-other"})) == not_matched);
}

TEST_CASE("a reference is bound to a customer that has none, if nobody else uses it") {
    auto book = book_with({ada, bob});
    CHECK(id_of(book.resolve({"cus_b", "", "ref-a"})) == not_matched);
    CHECK(id_of(book.resolve({"cus_b", "wrong@example.com", "ref-b"})) == not_matched);
    CHECK(id_of(book.resolve({"", "", "ref-b"})) == "cus_new1"); // the refused call had bound nothing
    CHECK(id_of(book.resolve({"cus_b", "bob@example.com", "ref-bob"})) == "cus_b");
    CHECK(id_of(book.resolve({"", "", "ref-bob"})) == "cus_b");
}

TEST_CASE("an e-mail or a reference alone finds or creates") {
    auto book = book_with({ada});
    CHECK(id_of(book.resolve({"", "ada@example.com", ""})) == "cus_a");
    CHECK(id_of(book.resolve({"", "", "ref-a"})) == "cus_a");
    CHECK(id_of(book.resolve({"", "new@example.com", ""})) == "cus_new1");
    CHECK(id_of(book.resolve({"", "new@example.com", ""})) == "cus_new1");
    CHECK(id_of(book.resolve({"", "", "ref-new"})) == "cus_new2");
}

TEST_CASE("e-mail and reference together must name one customer, or nobody") {
    auto book = book_with({ada, bob, {"cus_c", "", "ref-c"}});
    CHECK(id_of(book.resolve({"", "ada@example.com", "ref-a"})) == "cus_a");
    CHECK(id_of(book.resolve({"", "ada@example.com", "ref-c"})) == not_matched);
    CHECK(id_of(book.resolve({"", "bob@example.com", "ref-new"})) == not_matched);
    CHECK(id_of(book.resolve({"", "new@example.com", "ref-c"})) == not_matched);
    CHECK(id_of(book.resolve({"", "new@example.com", "ref-new"})) == "cus_new1");
    CHECK(id_of(book.resolve({"", "new@example.com", "ref-new"})) == "cus_new1");
}
