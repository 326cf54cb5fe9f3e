// Strict reading of a request's JSON object by a table of its members: what is wrong is gathered under its
// JSON pointer instead of stopping at the first fault, and a member that the table does not have is a fault
// itself.
#pragma once

#include "http/problem.h"
#include "http/url_check.h"
#include "json/json.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

/// The faults found so far, one for each pointer: the first found is kept.
class field_errors {
public:
    /// A request can be wrong in no more places than this many; what comes after is not kept.
    static constexpr std::size_t limit = 1000;

    void add(std::string pointer, std::string message);
    bool empty() const { return messages_.empty(); }
    std::vector<field_error> take(); ///< in the order of their pointers

private:
    std::map<std::string, std::string> messages_;
};

/// A member's value on its way into a draft. Lives no longer than the call it is an argument of.
struct field {
    const json_value& value;
    std::string pointer;
    field_errors& errors;

    void refuse(std::string message) const { errors.add(pointer, std::move(message)); }
    field element(std::size_t index) const;    ///< of an array
    field member(const json_member& of) const; ///< of an object
};

/// The field's value, or nothing after having refused it.
const json_object* read_object(const field& in);
const json_array* read_array(const field& in, std::size_t least, std::size_t most);
const std::string* read_string(const field& in);
std::optional<bool> read_flag(const field& in);
/// Written as digits alone.
std::optional<int> read_integer(const field& in, int least, int most);
/// Not blank, no control characters.
std::optional<std::string> read_text(const field& in, std::size_t max_bytes);
/// Likewise, but of so many characters.
std::optional<std::string> read_prose(const field& in, std::size_t max_characters);
/// As url_check.h has it; with rules, of a host that one of them names.
std::optional<std::string> read_url(const field& in, std::span<const host_rule> allowed = {});

enum class presence { required, optional };

template <class Draft>
struct member_rule {
    std::string_view name;
    presence needed;
    void (*read)(const field& in, Draft& out); ///< called with anything but null
};

/// Refuses null wherever it stands: a field that is left out is left out.
bool refuse_null(const field& in);

/// Reads the members in the table's order, so that one may rely on those before it.
template <class Draft, std::size_t Count>
void read_members(const json_object& object, const std::string& pointer, field_errors& errors,
                  const member_rule<Draft> (&rules)[Count], Draft& out) {
    for (const auto& rule : rules) {
        const json_value* value = find_member(object, rule.name);
        if (!value && rule.needed == presence::required)
            errors.add(append_pointer(pointer, rule.name), "Is required.");
        if (!value)
            continue;
        const field in{*value, append_pointer(pointer, rule.name), errors};
        if (!refuse_null(in))
            rule.read(in, out);
    }
    for (const auto& member : object)
        if (std::ranges::find(rules, member.name, &member_rule<Draft>::name) == std::end(rules))
            errors.add(append_pointer(pointer, member.name), "There is no such field.");
}

/// Refuses every string and member name, at any depth, that holds U+0000: PostgreSQL cannot store it.
void refuse_null_characters(const field& in);

} // namespace checkout
