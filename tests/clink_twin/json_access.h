// Small helpers over the exact JSON tree: typed members out of a request, numbers and null-or-text into an
// answer.
#pragma once

#include "model.h"

#include "json/json.h"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace clink_twin {

using checkout::json_array;
using checkout::json_number;
using checkout::json_object;
using checkout::json_value;

/// A control request that makes no sense: answered 422 with this sentence.
struct control_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Control values: a value of another kind throws control_error that names `name`.
std::string text_of(const json_value& value, std::string_view name);
bool flag_of(const json_value& value, std::string_view name);
std::int64_t integer_of(const json_value& value, std::string_view name);
decimal decimal_of(const json_value& value, std::string_view name); ///< number or decimal string

/// The same for a member: nothing when it is absent or null.
std::optional<std::string> find_text(const json_value& object, std::string_view name);
std::optional<bool> find_flag(const json_value& object, std::string_view name);
std::optional<std::int64_t> find_integer(const json_value& object, std::string_view name);
std::optional<decimal> find_decimal(const json_value& object, std::string_view name);

/// A JSON number without trailing zeros, as Clink writes them.
json_value number_json(const decimal& amount);
json_value optional_json(const std::optional<std::string>& text);
json_value optional_json(const std::optional<decimal>& amount);
json_value map_json(const text_map& map);
/// "2026-11-21T08:53:53Z"
json_value time_json(instant at);
std::int64_t to_milliseconds(instant at);

/// Sets or replaces a member.
void set_member(json_object& object, std::string_view name, json_value value);

} // namespace clink_twin
