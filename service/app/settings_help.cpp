#include "app/setting_table.h"
#include "app/settings.h"

#include <array>
#include <utility>

namespace checkout {

namespace {

constexpr std::array command_names{
    std::pair(command::serve, "serve"),
    std::pair(command::migrate, "migrate"),
    std::pair(command::reconcile, "reconcile"),
    std::pair(command::export_rows, "export"),
};

std::string join(command_set commands) {
    std::string text;
    for (const auto& [one, name] : command_names)
        if (commands.contains(one))
            text += (text.empty() ? "" : ", ") + std::string(name);
    return text;
}

std::string describe_default(const setting_row& row) {
    const auto text = row.default_text.empty() ? row.unset_means : row.default_text;
    return text.empty() ? "" : "Default: " + std::string(text) + ". ";
}

std::string describe(const setting_row& row) {
    const std::string name(row.name);
    std::string meaning(row.meaning);
    if (const auto line_end = meaning.find('\n'); line_end != std::string::npos)
        meaning.replace(line_end, 1, "\n      ");
    return "  " + name + (row.secret ? " or " + name + "_FILE" : "") + "\n      " + meaning + "\n      "
           + describe_default(row) + (row.required ? "Required by " : "Used by ") + join(row.used_by) + ".\n";
}

} // namespace

std::string help_text() {
    std::string text =
        "Settings are environment variables. A secret X can also be given as X_FILE, the name of a file "
        "that holds it.\nA command needs only the settings that it uses; an empty one counts as unset.\n\n";
    for (const auto& row : setting_table())
        text += describe(row);
    return text;
}

} // namespace checkout
