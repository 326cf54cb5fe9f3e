// What the program is asked to do, from its argument words.
#pragma once

#include "domain/instant.h"
#include "finance/row_format.h"
#include "storage/report.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace checkout {

struct help_words {};
struct version_words {};
struct migrate_words {};
struct serve_words {};

/// Half-open.
struct time_range {
    instant from{};
    instant to{};
};

struct export_words {
    report_name report = report_name::payments;
    time_range range;
    row_format format = row_format::csv;
};

enum class certificate_format { text, json };

struct reconcile_words {
    time_range range;
    bool whole_list = false;           ///< walk Clink's own order list as well
    std::optional<int> max_per_second; ///< calls to Clink; nothing: as the settings say
    certificate_format format = certificate_format::text;
};

using command_words =
    std::variant<help_words, version_words, migrate_words, serve_words, export_words, reconcile_words>;

/// Nothing when the words make no sense; then `message` says why.
std::optional<command_words> read_arguments(const std::vector<std::string>& arguments, std::string& message);

} // namespace checkout
