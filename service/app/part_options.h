// What the settings mean to the parts that several commands are built of.
#pragma once

#include "app/settings.h"
#include "clink/client.h"
#include "domain/check_schedule.h"
#include "storage/database.h"

#include <chrono>

namespace checkout {

clink_options make_clink_options(const clink_settings& with, tracer tracing);
database_options make_database_options(const database_settings& with);
check_policy make_check_policy(const sweep_settings& with);
/// Longer than a question takes as a rule, and no longer: what a process that dies has claimed waits for it.
/// One that is overrun costs a second question.
std::chrono::seconds make_lease(const clink_settings& with);

} // namespace checkout
