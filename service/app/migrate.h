// The command `migrate`.
#pragma once

#include "app/settings.h"
#include "storage/migrations.h"

#include <vector>

namespace checkout {

/// The migrations compiled into this binary.
std::vector<migration> own_migrations();
/// The newest version among them: what this binary needs.
int own_schema_version();

/// Exit status.
int run_migrate(const settings& with);

} // namespace checkout
