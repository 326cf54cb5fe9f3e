// The look of the hosted page: values in, HTML out. Everything from outside is escaped here.
#pragma once

#include "core.h"

#include <optional>
#include <string>

namespace clink_twin {

struct page_view {
    const session* of = nullptr;
    std::string merchant_name;
    std::string key;      ///< the page's own last path segment, percent-encoded; links are relative to it
    decimal total;        ///< to pay, or paid
    std::string currency; ///< of total
    decimal discount;     ///< in the original currency
    decimal surcharge;    ///< in `currency`
    std::string promotion_code;      ///< what the field shows
    std::string notice;              ///< why the last action did nothing; empty: nothing to tell
    std::string local_currency_name; ///< the other currency on offer; empty: none
    std::string continue_url;        ///< back to the merchant after payment; empty: none
    bool can_leave = false;
};

std::string render_page(const page_view& view);

/// For a link that names no session, or has the wrong secret.
std::string render_unknown_page();

/// The page's style sheet.
std::string_view page_style();

} // namespace clink_twin
