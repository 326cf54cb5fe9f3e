#include "crypto/digest.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <string>

using namespace checkout;

namespace {

std::string hmac_hex(std::string_view key, std::string_view bytes) {
    return to_hex(hmac_sha256(key, bytes));
}

std::int64_t unix_milliseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::int64_t uuid_milliseconds(const std::string& uuid) {
    return std::stoll(uuid.substr(0, 8) + uuid.substr(9, 4), nullptr, 16);
}

} // namespace

TEST_CASE("digest: SHA-256 of FIPS 180-4's examples") {
    CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(to_hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(to_hex(sha256(std::string_view())) == to_hex(sha256("")));
    CHECK(to_hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))
          == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("digest: HMAC-SHA256 of RFC 4231") {
    CHECK(hmac_hex(std::string(20, '\x0b'), "Hi There")
          == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    CHECK(hmac_hex("Jefe", "what do ya want for nothing?")
          == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hmac_hex(std::string(20, '\xaa'), std::string(50, '\xdd'))
          == "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    CHECK(hmac_hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")
          == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("digest: an empty key is a key") {
    CHECK(hmac_hex("", "") == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    hmac_hex("another", "key before");
    CHECK(hmac_hex(std::string_view(), std::string_view())
          == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST_CASE("digest: Clink's webhook signatures (clink-api.md 5.3)") {
    const std::string key = "whsec_local_simulator_key";
    const std::string first =
        R"({"id":"event_vec_1","object":"event","created":1790000000000,"type":"order.succeeded",)"
        R"("data":{"object":{"orderId":"order_vec_1"}}})";
    REQUIRE(first.size() == 130);
    CHECK(hmac_hex(key, "1790000000000." + first)
          == "c5110d2cf2db49b1a7f9f3b391de79d8d72780eaffb314b4b692d5ac75520f67");
    CHECK(hmac_hex(key, "1790000000." + first)
          == "7c554c63027367d0e3dbeae185855db2b51b444802a984e2714b151df6381d9a");

    const std::string second =
        R"({"id":"event_vec_2","object":"event","created":1790000000001,"type":"session.complete",)"
        R"("data":{"object":{"merchantReferenceId":"r\u00e9f-1","note":")"
        "\xc3\xa9"
        R"("}}})";
    REQUIRE(second.size() == 154);
    CHECK(hmac_hex(key, "1790000000001." + second)
          == "fd16f1e07b6a1c78b9dfcc0fa5a8941a744b8df8a9ded3ae81c9d3af4628f143");

    CHECK(hmac_hex("test_webhook_signing_key", R"(1700000000000.{"id":"evt_test"})")
          == "e07064a60193e751786c3f5a37fe7a5dc816bba53a2cb7781d0246b035dddfda");
}

TEST_CASE("digest: hex both ways") {
    CHECK(to_hex(std::string_view("\x00\x7f\xff", 3)) == "007fff");
    CHECK(from_hex("007FfF") == std::string("\x00\x7f\xff", 3));
    CHECK(from_hex("") == "");
    for (const char* text : {"0", "0g", "g0", " 0", "0x"}) {
        CAPTURE(text);
        CHECK_FALSE(from_hex(text));
    }
}

TEST_CASE("digest: base64url of RFC 4648's examples, without padding") {
    const std::pair<const char*, const char*> examples[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
    for (const auto& [bytes, text] : examples) {
        CAPTURE(text);
        CHECK(to_base64url(bytes) == text);
        CHECK(from_base64url(text) == bytes);
    }
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
        CHECK(from_base64url(to_base64url(all)) == all);
    }
}

TEST_CASE("digest: base64url accepts one spelling of each byte string") {
    for (const char* text :
         {"Z", "A", "Zm9vY", "Zm9vA", "Zg==", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm 9", "Zm9v\n"}) {
        CAPTURE(text);
        CHECK_FALSE(from_base64url(text));
    }
}

TEST_CASE("digest: comparison in constant time compares") {
    CHECK(equal_in_constant_time("", std::string_view()));
    CHECK(equal_in_constant_time("secret", "secret"));
    CHECK_FALSE(equal_in_constant_time("secret", "secreT"));
    CHECK_FALSE(equal_in_constant_time("Secret", "secret"));
    CHECK_FALSE(equal_in_constant_time("secret", "secret "));
    CHECK_FALSE(equal_in_constant_time("secret", ""));
}

TEST_CASE("digest: random bytes are as many as asked for and differ") {
    CHECK(random_bytes(0).empty());
    CHECK(random_bytes(33).size() == 33);
    CHECK(random_bytes(16) != random_bytes(16));
}

TEST_CASE("digest: UUIDs are version 7, unique and carry the time") {
    const std::int64_t before = unix_milliseconds();
    const std::string uuid = make_uuid_v7();
    const std::int64_t after = unix_milliseconds();
    REQUIRE(uuid.size() == 36);
    for (const std::size_t dash : {8, 13, 18, 23})
        CHECK(uuid[dash] == '-');
    CHECK(uuid.find_first_not_of("0123456789abcdef-") == std::string::npos);
    CHECK(uuid[14] == '7');
    CHECK(std::string_view("89ab").find(uuid[19]) != std::string_view::npos);
    CHECK(uuid_milliseconds(uuid) >= before);
    CHECK(uuid_milliseconds(uuid) <= after);

    std::set<std::string> made;
    for (int i = 0; i < 1000; ++i)
        made.insert(make_uuid_v7());
    CHECK(made.size() == 1000);
}
