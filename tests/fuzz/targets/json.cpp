// Any bytes as JSON text: what is read is written back as the same value, and nothing is read that RFC 8259
// refuses.
#include "json/json.h"

#include "http/text_rules.h"
#include "support/json_walk.h"
#include "support/property.h"

#include <cstdint>

using namespace checkout;

namespace {

constexpr std::size_t default_depth = 32;

void check_error(const json_error& error, std::string_view text) {
    must(error.offset <= text.size(), "an error's offset lies in the text");
    must(!error.message.empty() && decode_utf8(error.message), "an error's message is UTF-8");
}

void check_names(const json_value& value) {
    const auto* object = value.if_object();
    if (object == nullptr)
        return;
    for (const auto& member : *object)
        must(find_member(*object, member.name) == &member.value, "the names in an object differ");
}

void check_number(const json_value& value) {
    if (const auto* number = value.if_number())
        must(number->token.find_first_not_of("0123456789+-.eE") == std::string::npos,
             "a number is its token");
}

void check_round_trips(const json_value& value) {
    const auto written = write_json(value);
    const auto again = parse_json(written);
    must(again && *again == value, "what is written reads as the same value");

    const auto canonical = write_canonical_json(value);
    const auto sorted = parse_json(canonical);
    must(sorted && write_json(*sorted) == canonical, "canonical text has its members in the tree's order");
    must(write_canonical_json(*sorted) == canonical, "canonical text is its own canonical text");
    must(canonical.size() == written.size(), "sorting moves members and changes nothing else");
}

void check_depth(std::string_view text, const json_value& value) {
    const auto depth = depth_of(value);
    must(depth <= default_depth, "no deeper than 32");
    if (depth > 0)
        must(parse_json(text, depth).has_value(), "a limit lets through what is as deep");
    if (depth > 1)
        must(!parse_json(text, depth - 1), "a limit refuses what is deeper");
}

void check_string(std::string_view text) {
    const auto token = parse_json(write_json_string(text));
    if (decode_utf8(text))
        must(token && token->if_string() && *token->if_string() == text, "a written string reads as itself");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_string(text);
    const auto parsed = parse_json(text);
    if (!parsed) {
        check_error(parsed.error(), text);
        return 0;
    }
    must(decode_utf8(text).has_value(), "JSON text is UTF-8");
    for_each_text(*parsed,
                  [](const std::string& part) { must(decode_utf8(part).has_value(), "texts are UTF-8"); });
    for_each_value(*parsed, check_names);
    for_each_value(*parsed, check_number);
    check_round_trips(*parsed);
    check_depth(text, *parsed);
    return 0;
}
