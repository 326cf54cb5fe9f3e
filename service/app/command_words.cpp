#include "app/command_words.h"

#include <boost/program_options.hpp>

#include <algorithm>
#include <array>
#include <string_view>

namespace checkout {

namespace {

namespace options = boost::program_options;

constexpr int most_calls_per_second = 100'000;

/// The options that a command takes besides --help.
struct command_entry {
    std::string_view name;
    std::size_t operands = 0; ///< besides the command itself
    std::vector<std::string_view> takes = {};
};

const std::array<command_entry, 5> commands{{
    {.name = "migrate"},
    {.name = "serve"},
    {.name = "version"},
    {.name = "export", .operands = 1, .takes = {"from", "to", "format"}},
    {.name = "reconcile", .takes = {"from", "to", "all", "max-per-second", "format"}},
}};

options::options_description known_options() {
    options::options_description known;
    known.add_options()("help,h", "")("command", options::value<std::vector<std::string>>())(
        "from", options::value<std::string>())("to", options::value<std::string>())(
        "format", options::value<std::string>())("all", "")("max-per-second", options::value<int>());
    return known;
}

/// What program_options made of the arguments. Its accessors throw options::error with a sentence.
class word_reader {
public:
    explicit word_reader(const std::vector<std::string>& arguments) {
        const auto known = known_options();
        options::positional_options_description positions;
        positions.add("command", -1);
        options::store(
            options::command_line_parser(arguments)
                .options(known)
                .positional(positions)
                .style(options::command_line_style::unix_style ^ options::command_line_style::allow_guessing)
                .run(),
            map_);
        if (has("command"))
            operands_ = map_["command"].as<std::vector<std::string>>();
    }

    bool has(const std::string& option) const { return map_.count(option) > 0; }

    const command_entry& command() const {
        if (operands_.empty())
            throw options::error("no command given");
        const auto found = std::ranges::find(commands, operands_.front(), &command_entry::name);
        if (found == commands.end())
            throw options::error("unknown command: " + operands_.front());
        if (operands_.size() > found->operands + 1)
            throw options::error("too many arguments: " + operands_[found->operands + 1]);
        check_options(*found);
        return *found;
    }

    report_name report() const {
        if (operands_.size() < 2)
            throw options::error("export needs payments, sessions, refunds or events");
        const auto report = find_report(operands_[1]);
        if (!report)
            throw options::error("there is no export of " + operands_[1]
                                 + ": payments, sessions, refunds and events can be had");
        return *report;
    }

    time_range range() const {
        const time_range range{time("from"), time("to")};
        if (range.to < range.from)
            throw options::error("--to must not be before --from");
        return range;
    }

    /// One of two names, the first when it is not given.
    template <class Value>
    Value choice(std::array<std::pair<std::string_view, Value>, 2> names) const {
        if (!has("format"))
            return names[0].second;
        const auto given = map_["format"].as<std::string>();
        for (const auto& [name, value] : names)
            if (name == given)
                return value;
        throw options::error("--format must be " + std::string(names[0].first) + " or "
                             + std::string(names[1].first));
    }

    std::optional<int> max_per_second() const {
        if (!has("max-per-second"))
            return std::nullopt;
        const auto given = map_["max-per-second"].as<int>();
        if (given < 1 || given > most_calls_per_second)
            throw options::error("--max-per-second must be 1 to " + std::to_string(most_calls_per_second));
        return given;
    }

private:
    void check_options(const command_entry& entry) const {
        for (const auto& [name, value] : map_)
            if (name != "help" && name != "command"
                && std::ranges::find(entry.takes, name) == entry.takes.end())
                throw options::error(std::string(entry.name) + " takes no --" + name);
    }

    instant time(const std::string& option) const {
        if (!has(option))
            throw options::error("--" + option + " is required");
        const auto given = map_[option].as<std::string>();
        auto at = parse_date(given);
        if (!at)
            at = parse_relative_day(given, now_);
        if (!at)
            at = parse_rfc3339(given);
        if (!at)
            throw options::error(
                "--" + option
                + " must be a date (a UTC day's start), today, today-N (N days before) or an "
                  "RFC 3339 instant with its offset");
        return *at;
    }

    /// One for both ends of a range, also across midnight.
    const instant now_ = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    options::variables_map map_;
    std::vector<std::string> operands_;
};

command_words read_words(const word_reader& words) {
    if (words.has("help"))
        return help_words{};
    const auto& name = words.command().name;
    if (name == "migrate")
        return migrate_words{};
    if (name == "serve")
        return serve_words{};
    if (name == "export") {
        constexpr std::array formats{std::pair(std::string_view("csv"), row_format::csv),
                                     std::pair(std::string_view("ndjson"), row_format::ndjson)};
        return export_words{
            .report = words.report(), .range = words.range(), .format = words.choice(formats)};
    }
    if (name == "reconcile") {
        constexpr std::array formats{std::pair(std::string_view("text"), certificate_format::text),
                                     std::pair(std::string_view("json"), certificate_format::json)};
        return reconcile_words{.range = words.range(),
                               .whole_list = words.has("all"),
                               .max_per_second = words.max_per_second(),
                               .format = words.choice(formats)};
    }
    return version_words{};
}

} // namespace

std::optional<command_words> read_arguments(const std::vector<std::string>& arguments, std::string& message) {
    try {
        return read_words(word_reader(arguments));
    } catch (const options::error& error) {
        message = error.what();
        return std::nullopt;
    }
}

} // namespace checkout
