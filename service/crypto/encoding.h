// Percent-encoding (RFC 3986), in the one form that is signed, put into paths and put into queries.
#pragma once

#include <string>
#include <string_view>

namespace checkout {

/// Everything but the unreserved characters (A-Z a-z 0-9 - . _ ~) as %XX, upper-case hex.
std::string percent_encode(std::string_view text);
/// The bytes meant; what is no escape stays as it is.
std::string percent_decode(std::string_view text);

} // namespace checkout
