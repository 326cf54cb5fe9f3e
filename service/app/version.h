// Which build this is.
#pragma once

#include <string>

namespace checkout {

/// "clink-checkout 0.1.0 (g++ 12.2.0, release)".
std::string version_text();
/// "0.1.0".
std::string version_number();

} // namespace checkout
