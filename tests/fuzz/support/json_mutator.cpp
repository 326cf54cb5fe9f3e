#include "support/json_mutator.h"

#include "json/json.h"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace checkout {

namespace {

constexpr std::size_t growth_bytes = 48;
constexpr std::array<std::string_view, 12> simple_values{"null", "true",  "false", "0",     "1",  "-1",
                                                         "1e2",  "49.90", "\"\"",  "\" \"", "{}", "[]"};

class mutator {
public:
    mutator(json_value& root, unsigned seed) : random_(seed) { gather(root); }

    void change() {
        auto& value = *nodes_[pick(nodes_.size())];
        switch (pick(6)) {
        case 0:
            value = json_value(*nodes_[pick(nodes_.size())]);
            return;
        case 1:
            value = parse_json(simple_values[pick(simple_values.size())]).value();
            return;
        default:
            change_inside(value);
        }
    }

private:
    void gather(json_value& value) {
        nodes_.push_back(&value);
        if (auto* array = value.if_array())
            std::ranges::for_each(*array, [this](json_value& element) { gather(element); });
        if (auto* object = value.if_object())
            std::ranges::for_each(*object, [this](json_member& member) { gather(member.value); });
    }

    std::size_t pick(std::size_t count) { return random_() % count; }

    static std::string mutated(std::string text) {
        const auto size = text.size();
        text.resize(size + growth_bytes);
        text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
        return text;
    }

    void change_inside(json_value& value) {
        if (auto* array = value.if_array())
            change_list(*array, [](json_value&) {});
        else if (auto* object = value.if_object())
            change_list(*object, [](json_member& added) { added.name = mutated(added.name); });
        else if (const auto* text = value.if_string())
            value = pick(4) == 0 ? as_number(*text) : json_value(mutated(*text));
        else if (const auto* number = value.if_number())
            value = pick(4) == 0 ? json_value(number->token) : as_number(mutated(number->token));
    }

    /// The text as the number that it is, else as a string.
    static json_value as_number(const std::string& text) {
        const auto parsed = parse_json(text);
        return parsed && parsed->if_number() ? *parsed : json_value(text);
    }

    /// Takes an element out, or adds a copy of one.
    template <class List, class Adjust>
    void change_list(List& list, Adjust adjust) {
        if (list.empty())
            return;
        const auto at = list.begin() + static_cast<std::ptrdiff_t>(pick(list.size()));
        if (pick(2) == 0) {
            list.erase(at);
            return;
        }
        auto added = *at;
        adjust(added);
        list.push_back(std::move(added));
    }

    std::minstd_rand random_;
    std::vector<json_value*> nodes_;
};

std::size_t skip_lines(std::string_view text, std::size_t lines) {
    std::size_t begin = 0;
    for (; lines > 0 && begin < text.size(); --lines)
        begin = std::min(text.find('\n', begin), text.size() - 1) + 1;
    return begin;
}

} // namespace

std::size_t mutate_json(std::uint8_t* data, std::size_t size, std::size_t max_size, unsigned seed,
                        std::size_t lines) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto begin = skip_lines(input, lines);
    auto tree = parse_json(input.substr(begin));
    if (!tree || seed % 4 == 0)
        return LLVMFuzzerMutate(data, size, max_size);
    mutator(*tree, seed).change();
    const auto text = write_json(*tree);
    if (begin + text.size() > max_size)
        return LLVMFuzzerMutate(data, size, max_size);
    std::ranges::copy(text, data + begin);
    return begin + text.size();
}

} // namespace checkout
