#include "app/part_options.h"

#include "app/version.h"

namespace checkout {

clink_options make_clink_options(const clink_settings& with, tracer tracing) {
    clink_options options;
    options.base_url = with.base_url;
    options.api_key = with.api_key;
    options.ca_file = with.ca_file;
    options.version = version_number();
    options.timeout = with.timeout;
    options.tracing = tracing;
    return options;
}

database_options make_database_options(const database_settings& with) {
    database_options options;
    options.url = with.url;
    options.connections = static_cast<std::size_t>(with.pool_size);
    return options;
}

check_policy make_check_policy(const sweep_settings& with) {
    return {.offsets = with.schedule, .dark_watch = with.dark_watch};
}

std::chrono::seconds make_lease(const clink_settings& with) {
    return 2 * std::chrono::ceil<std::chrono::seconds>(with.timeout) + std::chrono::seconds(5);
}

} // namespace checkout
