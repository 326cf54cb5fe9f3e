// The process's environment as a value, read once at start: nothing else in the service looks at it.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace checkout {

using environment = std::map<std::string, std::string, std::less<>>;

/// Call before any other thread exists.
environment read_environment();

} // namespace checkout
