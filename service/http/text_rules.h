// What texts of a request may look like, independent of JSON: the merchant's order id, e-mail addresses,
// names of payment methods. Pure functions over UTF-8; none of them repairs anything.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace checkout {

/// The text's code points; nothing when it is not UTF-8 (RFC 3629: no overlong forms, no surrogates).
std::optional<std::u32string> decode_utf8(std::string_view text);

/// C0, DEL and C1.
bool is_control(char32_t c);
/// Unicode's White_Space, and U+FEFF, which some platforms trim as if it were.
bool is_white_space(char32_t c);

/// 1 to 128 bytes of UTF-8, no control characters, no white space at its ends, not "null", "." or "..". For
/// paths, too: anything else names no order.
bool is_merchant_order_id(std::string_view text);

/// local@domain, at most 254 bytes: enough to refuse what is no address, too little to refuse one that works.
bool is_email_address(std::string_view text);

/// Clink's spelling of an enum: A to Z, digits, underscores, 40 at most, a letter first.
bool is_payment_method_name(std::string_view text);

} // namespace checkout
