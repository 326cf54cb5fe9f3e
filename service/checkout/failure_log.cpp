#include "checkout/failure_log.h"

#include "observe/log.h"
#include "storage/database.h"

namespace checkout {

void log_failure(std::string_view event, const std::exception_ptr& failure, const call_context& context) {
    const auto level = is_passing(failure) ? log_level::warning : log_level::error;
    try {
        std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        write_log(level, event, context, {{"detail", error.what()}});
    }
}

} // namespace checkout
