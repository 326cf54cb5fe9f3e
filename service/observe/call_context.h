// Who asked: what a request, or a piece of background work, hands down to everything that is done in its
// name.
#pragma once

#include "observe/trace.h"

#include <string>

namespace checkout {

struct call_context {
    std::string request_id;
    trace_context trace;
};

} // namespace checkout
