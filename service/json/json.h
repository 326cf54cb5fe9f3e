// JSON text with exact numbers: a number stays the token it was written as, so money never meets a double.
// Parsing is Boost.JSON's (its event parser); only the tree and the writer are ours, because Boost.JSON's own
// value turns 4.99 into a binary double and prints it as 4.99E0. Knows nothing of wire formats.
#pragma once

#include <boost/system/result.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace checkout {

class json_value;

/// A number as its source text, e.g. "4.990" or "1e3". Invariant: a valid JSON number token.
struct json_number {
    std::string token;
    bool operator==(const json_number&) const = default;
};

struct json_member;
using json_array = std::vector<json_value>;
using json_object = std::vector<json_member>; ///< members in their source order, names unique

class json_value {
public:
    using storage = std::variant<std::nullptr_t, bool, json_number, std::string, json_array, json_object>;

    json_value() = default; ///< null
    json_value(std::nullptr_t);
    json_value(std::same_as<bool> auto value) : value_(value) {} ///< of bool alone: pointers would convert
    json_value(std::int64_t value);
    json_value(int value);
    json_value(std::uint64_t value);
    json_value(json_number value);
    json_value(std::string value);
    json_value(std::string_view value);
    json_value(const char* value);
    json_value(json_array value);
    json_value(json_object value);

    bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
    /// The alternative, or nullptr when the value is of another kind.
    const bool* if_bool() const { return std::get_if<bool>(&value_); }
    const json_number* if_number() const { return std::get_if<json_number>(&value_); }
    const std::string* if_string() const { return std::get_if<std::string>(&value_); }
    const json_array* if_array() const { return std::get_if<json_array>(&value_); }
    const json_object* if_object() const { return std::get_if<json_object>(&value_); }
    json_array* if_array() { return std::get_if<json_array>(&value_); }
    json_object* if_object() { return std::get_if<json_object>(&value_); }

    /// The member of that name when this is an object that has it, else nullptr.
    const json_value* find(std::string_view name) const;

    const storage& alternatives() const { return value_; }
    bool operator==(const json_value&) const;

private:
    storage value_;
};

struct json_member {
    std::string name;
    json_value value;
    bool operator==(const json_member&) const = default;
};

inline json_value::json_value(std::nullptr_t) {}
inline json_value::json_value(int value) : json_value(static_cast<std::int64_t>(value)) {}
inline json_value::json_value(json_number value) : value_(std::move(value)) {}
inline json_value::json_value(std::string value) : value_(std::move(value)) {}
inline json_value::json_value(std::string_view value) : value_(std::string(value)) {}
inline json_value::json_value(const char* value) : value_(std::string(value)) {}

/// The member's value, or nullptr.
const json_value* find_member(const json_object& object, std::string_view name);

struct json_error {
    std::string
        message; ///< one sentence for the sender, quoting nothing of the text but a duplicate key's name
    std::size_t offset; ///< bytes from the start of the text
};
[[noreturn]] void throw_exception_from_error(const json_error& error, const boost::source_location& where);

/// Parses one JSON text (RFC 8259). Fails on syntax errors, invalid UTF-8, trailing bytes, depth over
/// `max_depth` (arrays and objects together, the root counts as 1) and on a key that an object holds twice
/// (found at the object's end). Number tokens may have any length and any exponent that fits an int.
boost::system::result<json_value, json_error> parse_json(std::string_view text, std::size_t max_depth = 32);

/// Compact JSON text; number tokens byte for byte, strings escaped as RFC 8259 asks and no further.
std::string write_json(const json_value& value);
/// The same with every object's members sorted by name (byte order), for comparing.
std::string write_canonical_json(const json_value& value);

/// `text` as a JSON string token, quotes included.
std::string write_json_string(std::string_view text);

/// RFC 6901: `pointer` + "/" + `token` with ~ and / escaped.
std::string append_pointer(std::string_view pointer, std::string_view token);

} // namespace checkout
