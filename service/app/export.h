// `clink-checkout export`: a whole report on standard output.
#pragma once

#include "app/command_words.h"
#include "app/settings.h"

namespace checkout {

/// Rows to standard output and nothing else; what they add up to, and how far it is on a terminal, to
/// standard error. Throws when the report is not written whole: then what was written is of no use.
int run_export(const settings& with, const export_words& words);

} // namespace checkout
