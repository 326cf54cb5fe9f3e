// The twin's command line and environment, read once.
#pragma once

#include "settings.h"

#include <optional>
#include <string>

namespace clink_twin {

struct twin_options {
    std::string listen = "127.0.0.1:0";
    std::string port_file;
    std::string api_key;
    std::string certificate_file;
    std::string key_file;
    std::string public_url; ///< empty: the bound address
    twin_settings settings;
};

/// Wrong usage: what() is a sentence for the terminal.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Nothing after --help, which is then printed. Throws usage_error.
std::optional<twin_options> read_options(int argc, char** argv);

} // namespace clink_twin
