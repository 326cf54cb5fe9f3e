// The command `serve`: the composition root. Builds everything once, in the order in which it depends on each
// other, runs until SIGTERM or SIGINT, drains and takes it down in reverse.
#pragma once

#include "app/settings.h"

namespace checkout {

/// Exit status: 0 after a drain. Throws std::exception with a sentence when something cannot be started.
int run_serve(const settings& with);

} // namespace checkout
