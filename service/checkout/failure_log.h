// The log line for what failed in the background, where nobody waits for an answer.
#pragma once

#include "observe/call_context.h"

#include <exception>
#include <string_view>

namespace checkout {

/// A warning when it may go well another time (is_passing), else an error: a fault that comes again.
void log_failure(std::string_view event, const std::exception_ptr& failure, const call_context& context);

} // namespace checkout
