// Walks pages by number of a list that changes meanwhile, in an order that is not known (clink-api.md 12.15):
// rows that arrive at its head are seen again; when rows have gone, the ones behind them have moved up, and
// as many pages are walked again. Pure.
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

    /// The page came with so many rows, of so many over all pages.
    void saw(std::size_t rows, std::int64_t total) {
        const auto gone = total_ ? std::max<std::int64_t>(0, *total_ - total) : 0;
        const bool last = static_cast<std::int64_t>(rows) < size_ || page_ * size_ >= total;
        total_ = total;
        if (gone > 0 && page_ > 1) {
            page_ = std::max(1, page_ - static_cast<int>((gone + size_ - 1) / size_));
            return;
        }
        done_ = last;
        page_ += last ? 0 : 1;
    }

private:
    std::int64_t size_;
    int page_;
    bool done_ = false;
    std::optional<std::int64_t> total_;
};

} // namespace checkout
