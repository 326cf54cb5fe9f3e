#include "http/text_rules.h"

#include <doctest/doctest.h>

#include <string>

using namespace checkout;

TEST_CASE("text rules: UTF-8 is decoded to its code points") {
    CHECK(decode_utf8("") == U"");
    CHECK(decode_utf8("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x9b\x92") == U"a\u00fc\u20ac\U0001f6d2");
    CHECK(decode_utf8("\xf4\x8f\xbf\xbf") == std::u32string(1, U'\U0010ffff'));
    CHECK(decode_utf8(std::string(1, '\0')) == std::u32string(1, U'\0'));
}

TEST_CASE("text rules: what is not UTF-8 is refused") {
    for (const std::string text : {
             "\x80", "\xff", "\xc3", "\xc3(", "\xe2\x82", "\xe2(\xac", "\xf0\x9f\x9b", // cut off or broken
             "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf",               // overlong
             "\xed\xa0\x80", "\xed\xbf\xbf",                                           // surrogates
             "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"                                    // past U+10FFFF
         })
        CHECK_FALSE(decode_utf8(text));
}

TEST_CASE("text rules: an order id from a path may hold any bytes, and only UTF-8 is one") {
    CHECK(is_merchant_order_id("b\xc3\xbc\x63her"));
    CHECK_FALSE(is_merchant_order_id("b\xfc\x63her"));
    CHECK_FALSE(is_merchant_order_id("a\xc0\x80"));
    CHECK_FALSE(is_merchant_order_id(std::string("a\0b", 3)));
    CHECK_FALSE(is_merchant_order_id(""));
}
