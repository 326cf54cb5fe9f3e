// Who asked: what a request hands down to everything that is done in its name.
#pragma once

#include <string>

namespace checkout {

struct call_context {
    std::string request_id;
    std::string traceparent; ///< W3C, empty when none came
};

} // namespace checkout
