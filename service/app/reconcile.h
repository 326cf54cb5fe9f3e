// `clink-checkout reconcile`: a census of a range, and its certificate on standard output.
#pragma once

#include "app/command_words.h"
#include "app/settings.h"

namespace checkout {

/// 0 when Clink answered everything and no discrepancy of the scope is open, else 3. Throws when it cannot be
/// done to its end; the next run takes it up.
int run_reconcile(const settings& with, const reconcile_words& words);

} // namespace checkout
