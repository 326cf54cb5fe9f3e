// The program's commands: argument words in, an exit status out. 0 done, 1 failed, 2 wrong usage or
// configuration, 3 discrepancies are open.
#pragma once

#include "app/environment.h"

#include <string>
#include <vector>

namespace checkout {

enum exit_status : int { exit_done = 0, exit_failed = 1, exit_wrong_usage = 2, exit_discrepancies = 3 };

/// Runs the command that `arguments` (without the program's name) ask for.
int run_command(const std::vector<std::string>& arguments, const environment& variables);

} // namespace checkout
