#include "app/version.h"

namespace checkout {

std::string version_number() {
    return CHECKOUT_VERSION;
}

std::string version_text() {
#ifdef NDEBUG
    const std::string build = "release";
#else
    const std::string build = "debug";
#endif
#ifdef __clang__
    const std::string compiler = "clang " __clang_version__;
#else
    const std::string compiler = "g++ " __VERSION__;
#endif
    return "clink-checkout " + version_number() + " (" + compiler + ", " + build + ")";
}

} // namespace checkout
