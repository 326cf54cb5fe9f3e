// Named points at which a test ends the process as a power cut would. The service is linked with a function
// that does nothing; tests/crash links the same objects with one that ends the process.
#pragma once

namespace checkout {

/// `name` is `<operation>.<what has just happened>`.
void crash_point(const char* name);

} // namespace checkout
