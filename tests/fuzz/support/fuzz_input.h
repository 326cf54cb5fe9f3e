// An input taken apart as text: what a target needs besides its last part stands in lines before it, so that
// a corpus file can be read and written by hand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace checkout {

class fuzz_input {
public:
    fuzz_input(const std::uint8_t* data, std::size_t size)
        : left_(reinterpret_cast<const char*>(data), size) {}

    /// The next line, without its end. In memory of its own size, so that reading past its end is found.
    std::string_view line() {
        const auto text = left_.substr(0, left_.find('\n'));
        left_.remove_prefix(std::min(left_.size(), text.size() + 1));
        return copy(text);
    }
    /// Everything that no line took.
    std::string_view rest() const { return left_; }

private:
    std::string_view copy(std::string_view text) {
        auto& own = copies_.emplace_back(new char[text.size()]);
        std::memcpy(own.get(), text.data(), text.size());
        return {own.get(), text.size()};
    }

    std::string_view left_;
    std::vector<std::unique_ptr<char[]>> copies_;
};

} // namespace checkout
