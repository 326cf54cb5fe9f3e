#include "crypto/encoding.h"

#include "crypto/digest.h"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace checkout {

std::string percent_encode(std::string_view text) {
    return boost::urls::encode(text, boost::urls::unreserved_chars);
}

std::string percent_decode(std::string_view text) {
    std::string decoded;
    while (!text.empty()) {
        const auto byte =
            text.front() == '%' && text.size() >= 3 ? from_hex(text.substr(1, 2)) : std::nullopt;
        decoded += byte ? *byte : std::string(1, text.front());
        text.remove_prefix(byte ? 3 : 1);
    }
    return decoded;
}

} // namespace checkout
