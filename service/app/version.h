// Which build this is.
#pragma once

#include <string>

namespace checkout {

/// "clink-checkout 0.1.0 (revision fe52aef, g++ 12.2.0, release)".
std::string version_text();
/// "0.1.0".
std::string version_number();
/// Of the source, as the build was told; "unknown" when it was not.
std::string revision();
/// "g++ 12.2.0".
std::string compiler();

} // namespace checkout
