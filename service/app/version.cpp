#include "app/version.h"

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
    const std::string build = "release";
#else
    const std::string build = "debug";
#endif
    return "clink-checkout " + version_number() + " (revision " + revision() + ", " + compiler() + ", "
           + build + ")";
}

} // namespace checkout
