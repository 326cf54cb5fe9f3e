#include "http/pass_through.h"

#include "http/text_rules.h"

#include <algorithm>

namespace checkout {

namespace {

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

std::size_t count_characters(std::string_view text) {
    const auto characters = decode_utf8(text);
    return characters ? characters->size() : text.size();
}

std::string at_most(std::size_t count, std::string_view unit) {
    return "at most " + std::to_string(count) + " " + std::string(unit);
}

bool is_metadata_key(const field& in, std::string_view key) {
    if (key.empty() || count_characters(key) > max_metadata_key_characters)
        in.refuse("The key must be of 1 and " + at_most(max_metadata_key_characters, "characters."));
    else if (equal_ignoring_case(key, reserved_metadata_key))
        in.refuse("The key is reserved for this service.");
    else
        return true;
    return false;
}

const std::string* find_metadata_value(const field& in) {
    const auto* text = read_string(in);
    if (!text || count_characters(*text) <= max_metadata_value_characters)
        return text;
    in.refuse("Must be of " + at_most(max_metadata_value_characters, "characters."));
    return nullptr;
}

bool is_extra_name(std::string_view name) {
    return !name.empty() && name.size() <= max_extra_name_bytes && std::ranges::all_of(name, [](char c) {
        return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
}

std::size_t depth_of(const json_value& value) {
    std::size_t deepest = 0;
    if (const auto* array = value.if_array()) {
        for (const auto& element : *array)
            deepest = std::max(deepest, depth_of(element));
        return deepest + 1;
    }
    if (const auto* object = value.if_object()) {
        for (const auto& member : *object)
            deepest = std::max(deepest, depth_of(member.value));
        return deepest + 1;
    }
    return 0;
}

void check_extra_name(const field& in, std::string_view name, std::span<const std::string_view> taken) {
    if (!is_extra_name(name))
        in.refuse("The name must be of 1 to 64 ASCII letters, digits and underscores.");
    else if (std::ranges::any_of(taken, [&](auto other) { return equal_ignoring_case(name, other); }))
        in.refuse("The name is that of a field which this service has or sends itself.");
}

} // namespace

std::vector<std::pair<std::string, std::string>> read_metadata(const field& in) {
    std::vector<std::pair<std::string, std::string>> metadata;
    const auto* object = read_object(in);
    if (!object)
        return metadata;
    if (object->size() > max_metadata_keys)
        in.refuse("Must have " + at_most(max_metadata_keys, "keys."));
    for (const auto& member : *object) {
        const auto place = in.member(member);
        const auto* value = find_metadata_value(place);
        if (is_metadata_key(place, member.name) && value)
            metadata.emplace_back(member.name, *value);
    }
    std::ranges::sort(metadata);
    return metadata;
}

std::vector<extra_member> read_extra(const field& in, std::span<const std::string_view> taken) {
    std::vector<extra_member> extra;
    const auto* object = read_object(in);
    if (!object)
        return extra;
    if (write_canonical_json(in.value).size() > max_extra_bytes)
        in.refuse("Must be of " + at_most(max_extra_bytes, "bytes of JSON."));
    if (depth_of(in.value) > max_extra_depth)
        in.refuse("Must be nested " + at_most(max_extra_depth, "levels deep."));
    for (const auto& member : *object) {
        check_extra_name(in.member(member), member.name, taken);
        extra.push_back({member.name, write_canonical_json(member.value)});
    }
    std::ranges::sort(extra, {}, &extra_member::name);
    return extra;
}

} // namespace checkout
