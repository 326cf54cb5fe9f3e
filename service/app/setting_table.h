// The settings as data: one row each, from which parsing and --help are made.
#pragma once

#include "app/setting_values.h"
#include "app/settings.h"

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace checkout {

class command_set {
public:
    constexpr command_set(std::initializer_list<command> commands) {
        for (const auto each : commands)
            bits_ |= bit(each);
    }
    constexpr bool contains(command one) const { return (bits_ & bit(one)) != 0; }

private:
    static constexpr unsigned bit(command one) { return 1U << static_cast<unsigned>(one); }
    unsigned bits_ = 0;
};

struct setting_value {
    std::string text;
    std::string file; ///< that the text was read from; empty: the environment
};

struct setting_row {
    std::string_view name;
    std::string_view meaning;           ///< for --help, with its range
    std::string_view default_text = {}; ///< what an unset variable means; empty: its value stays empty
    std::string_view unset_means = {};  ///< for --help, what an empty value means
    command_set used_by;
    bool required = false; ///< by every command that uses it
    bool secret = false;   ///< may be given as X_FILE
    setting_fault (*apply)(const setting_value& value, settings& into);
};

/// In the order of --help.
std::span<const setting_row> setting_table();

} // namespace checkout
