// Walks pages by number of a list that changes meanwhile, in an order that is not known (clink-api.md 12.15):
// rows that arrive at its head are seen again; when rows have gone, the ones behind them have moved up, and
// as many pages are walked again. A page that is shorter than was asked for is not taken for the last one
// while by the list's own count more should follow: an empty one is. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace checkout {

class page_walk {
public:
    explicit page_walk(std::int64_t page_size, int first_page = 1) : size_(page_size), page_(first_page) {}

    /// To be asked for next; from 1.
    int page() const { return page_; }
    bool done() const { return done_; }

    /// The page came with so many rows, of so many over all pages, if that was said.
    void saw(std::size_t rows, std::optional<std::int64_t> total) {
        const auto count = static_cast<std::int64_t>(rows);
        const auto gone = total_ && total ? std::max<std::int64_t>(0, *total_ - *total) : 0;
        total_ = total;
        longest_ = std::max(longest_, count);
        if (!before_)
            before_ = (page_ - 1) * count; // those of a walk that is taken up were as long
        if (gone > 0 && page_ > 1) {
            const int back = std::max(1, page_ - static_cast<int>((gone + longest_ - 1) / longest_));
            before_ = *before_ * (back - 1) / (page_ - 1);
            page_ = back;
            return;
        }
        *before_ += count;
        done_ = count == 0 || (total ? *before_ >= *total : count < size_);
        page_ += done_ ? 0 : 1;
    }

private:
    std::int64_t size_;
    int page_;
    std::optional<std::int64_t> before_; ///< rows of the pages before
    std::int64_t longest_ = 1;           ///< page so far, in rows
    bool done_ = false;
    std::optional<std::int64_t> total_;
};

} // namespace checkout
