// What a census comes to, as a document: the JSON that is kept and the text that a person reads are of one
// content.
#pragma once

#include "storage/census_store.h"

#include <string>

namespace checkout {

/// One JSON object on one line.
std::string write_certificate(const census_scope& scope, const census_record& census,
                              const census_sums& sums);

/// The same in sentences and columns. `certificate` is what write_certificate made, in whatever layout.
std::string describe_certificate(const std::string& certificate);

/// Nothing is open and nothing was left unanswered.
bool is_clean(const std::string& certificate);

} // namespace checkout
