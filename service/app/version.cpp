#include "app/version.h"

#include <string_view>

namespace checkout {

std::string version_number() {
    return CHECKOUT_VERSION;
}

std::string revision() {
    return CHECKOUT_REVISION;
}

std::string compiler() {
#ifdef __clang__
    return "clang " __clang_version__;
#else
    return "g++ " __VERSION__;
#endif
}

std::string version_text() {
#ifdef NDEBUG
    constexpr std::string_view build = "release";
#else
    constexpr std::string_view build = "debug";
#endif
    std::string text = "clink-checkout ";
    text += version_number();
    text += " (revision ";
    text += revision();
    text += ", ";
    text += compiler();
    text += ", ";
    text += build;
    text += ")";
    return text;
}

} // namespace checkout
