// The terms of a checkout: everything of a request that is sent to Clink, after defaults and amount
// normalisation, without the service's own additions. Whether two requests are "the same" is decided here and
// nowhere else.
#pragma once

#include "domain/money.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace checkout {

enum class ui_mode { hosted_page, elements };

std::string_view to_string(ui_mode mode); ///< "hostedPage", "elements"
std::optional<ui_mode> find_ui_mode(std::string_view text);

struct line_item {
    std::string name;
    decimal unit_amount;
    int quantity = 1;
    std::optional<std::string> currency;
    std::optional<std::string> image_url;
};

/// A member for Clink that this service does not know: passed on as it is.
struct extra_member {
    std::string name;
    std::string json; ///< canonical JSON text (members sorted, number tokens as received)
};

struct checkout_terms {
    money original;
    std::optional<std::string> customer_id;
    std::optional<std::string> customer_email;
    std::optional<std::string> reference_customer_id;
    std::vector<line_item> items; ///< empty when product_id and price_id are set
    std::optional<std::string> product_id;
    std::optional<std::string> price_id;
    ui_mode mode = ui_mode::hosted_page;
    std::optional<std::string> success_url; ///< the caller's own
    std::optional<std::string> cancel_url;  ///< the caller's own
    std::optional<std::string> return_url;
    std::optional<std::string> payment_method_type;
    std::vector<std::string> payment_method_type_blacklist;
    std::optional<std::string> direct_payment_qr_code_method_type;
    std::optional<bool> allow_promotion_codes;
    std::optional<std::string> promotion_code;
    std::optional<bool> show_promotion_code;
    std::optional<bool> local_price_only;
    std::vector<std::pair<std::string, std::string>> metadata; ///< sorted by key
    std::vector<extra_member> extra;                           ///< sorted by name
};

/// The terms as JSON pointer (into the API's request) → value as text: strings bare, amounts with their
/// currency's digits, counts in shortest plain form, "true"/"false", extra members as canonical JSON. What is
/// kept in the database and compared.
using recorded_terms = std::map<std::string, std::string>;
recorded_terms record(const checkout_terms& terms);

/// Lower-case hex SHA-256 over the recorded terms; equal exactly when they are.
std::string fingerprint(const recorded_terms& terms);

struct term_conflict {
    std::string pointer;
    std::optional<std::string> recorded;  ///< nothing: the recorded terms lack it
    std::optional<std::string> requested; ///< nothing: the request lacks it
    bool operator==(const term_conflict&) const = default;
};
/// Every pointer whose value differs, in pointer order.
std::vector<term_conflict> find_conflicts(const recorded_terms& recorded, const recorded_terms& requested);

} // namespace checkout
