#include "observe/crash_point.h"

namespace checkout {

void crash_point(const char*) {}

} // namespace checkout
