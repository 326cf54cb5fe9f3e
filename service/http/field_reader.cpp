#include "http/field_reader.h"

#include "http/text_rules.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace checkout {

void field_errors::add(std::string pointer, std::string message) {
    if (messages_.size() < limit)
        messages_.try_emplace(std::move(pointer), std::move(message));
}

std::vector<field_error> field_errors::take() {
    std::vector<field_error> errors;
    for (auto& [pointer, message] : std::exchange(messages_, {}))
        errors.push_back({pointer, std::move(message)});
    return errors;
}

field field::element(std::size_t index) const {
    return {(*value.if_array())[index], append_pointer(pointer, std::to_string(index)), errors};
}

field field::member(const json_member& of) const {
    return {of.value, append_pointer(pointer, of.name), errors};
}

const json_object* read_object(const field& in) {
    const auto* object = in.value.if_object();
    if (!object)
        in.refuse("Must be an object.");
    return object;
}

const json_array* read_array(const field& in, std::size_t least, std::size_t most) {
    const auto* array = in.value.if_array();
    if (array && array->size() >= least && array->size() <= most)
        return array;
    in.refuse("Must be an array of " + std::to_string(least) + " to " + std::to_string(most) + " elements.");
    return nullptr;
}

const std::string* read_string(const field& in) {
    const auto* text = in.value.if_string();
    if (!text)
        in.refuse("Must be a string.");
    return text;
}

std::optional<bool> read_flag(const field& in) {
    const auto* flag = in.value.if_bool();
    if (flag)
        return *flag;
    in.refuse("Must be true or false.");
    return std::nullopt;
}

std::optional<int> read_integer(const field& in, int least, int most) {
    if (const auto* number = in.value.if_number()) {
        int value = 0;
        const auto* end = number->token.data() + number->token.size();
        const auto [stopped, error] = std::from_chars(number->token.data(), end, value);
        if (error == std::errc() && stopped == end && value >= least && value <= most)
            return value;
    }
    in.refuse("Must be a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ".");
    return std::nullopt;
}

namespace {

/// The text, unless it is blank or holds what cannot be shown.
std::optional<std::string> keep_printable(const field& in, const std::string& text) {
    const auto characters = decode_utf8(text);
    if (!characters || std::ranges::all_of(*characters, is_white_space)) {
        in.refuse("Must not be empty or blank.");
        return std::nullopt;
    }
    if (std::ranges::any_of(*characters, is_control)) {
        in.refuse("Must not hold control characters.");
        return std::nullopt;
    }
    return text;
}

} // namespace

std::optional<std::string> read_text(const field& in, std::size_t max_bytes) {
    const auto* text = read_string(in);
    if (!text)
        return std::nullopt;
    if (text->size() <= max_bytes)
        return keep_printable(in, *text);
    in.refuse("Must be at most " + std::to_string(max_bytes) + " bytes long.");
    return std::nullopt;
}

std::optional<std::string> read_prose(const field& in, std::size_t max_characters) {
    const auto* text = read_string(in);
    if (!text)
        return std::nullopt;
    if (decode_utf8(*text).value_or(std::u32string()).size() <= max_characters)
        return keep_printable(in, *text);
    in.refuse("Must be at most " + std::to_string(max_characters) + " characters long.");
    return std::nullopt;
}

std::optional<std::string> read_url(const field& in, std::span<const host_rule> allowed) {
    const auto* text = read_string(in);
    if (!text)
        return std::nullopt;
    const auto url = parse_web_url(*text);
    if (!url) {
        in.refuse("The URL " + std::string(to_string(url.error())) + ".");
        return std::nullopt;
    }
    if (!allowed.empty() && !matches_any(*url, allowed)) {
        in.refuse("The URL must be of a host that this service may send customers to.");
        return std::nullopt;
    }
    return *text;
}

bool refuse_null(const field& in) {
    if (in.value.is_null())
        in.refuse("Must not be null.");
    return in.value.is_null();
}

void refuse_null_characters(const field& in) {
    constexpr auto has_null = [](const std::string& text) { return text.find('\0') != std::string::npos; };
    if (const auto* text = in.value.if_string(); text && has_null(*text))
        in.refuse("Must not hold the character U+0000.");
    if (const auto* array = in.value.if_array())
        for (std::size_t i = 0; i < array->size(); ++i)
            refuse_null_characters(in.element(i));
    if (const auto* object = in.value.if_object())
        for (const auto& member : *object) {
            if (has_null(member.name))
                in.member(member).refuse("Must not have a name that holds the character U+0000.");
            refuse_null_characters(in.member(member));
        }
}

} // namespace checkout
