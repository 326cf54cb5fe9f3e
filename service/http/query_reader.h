// The query of a request, read strictly: a parameter that is unknown, repeated or wrong is named, all at
// once, because a misspelt filter must not widen a report.
#pragma once

#include "domain/instant.h"
#include "http/problem.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

class query_reader {
public:
    static constexpr int default_limit = 100;
    static constexpr int max_limit = 1000;

    /// `query` is raw, without its '?'.
    explicit query_reader(std::string_view query);

    /// The parameter's value; nothing when it is absent. Every parameter asked for is thereby known.
    std::optional<std::string> text(std::string_view name);
    /// "limit": 1 to 1000.
    int limit();
    /// A whole number in those bounds; nothing when it is absent.
    std::optional<std::int64_t> number(std::string_view name, std::int64_t least, std::int64_t most);
    /// An RFC 3339 instant, or a date that stands for its start in UTC.
    std::optional<instant> instant_or_date(std::string_view name);
    /// "from" and "to", half-open.
    std::pair<std::optional<instant>, std::optional<instant>> range();
    void refuse(std::string_view name, std::string message);

    /// Whether a cursor's instant can be one of ours.
    static bool is_in_range(instant at);

    /// The problem when anything was wrong, parameters that nobody asked for included.
    std::optional<problem> finish();

private:
    struct parameter {
        std::string name;
        std::string value;
        bool known = false;
    };
    std::vector<parameter> parameters_;
    std::vector<field_error> errors_;
};

/// An opaque cursor: numbers, of which `kind` says what they are, so that one list's cursor is refused by
/// another.
std::string write_cursor(char kind, const std::vector<std::int64_t>& numbers);
std::optional<std::vector<std::int64_t>> read_cursor(char kind, std::size_t count, std::string_view cursor);

} // namespace checkout
