// The twin's own nouns: what Clink keeps about customers, checkout sessions, orders, refunds and disputes
// (clink-api.md sections 2, 3, 5.6). Plain values; neither JSON nor HTTP is known here.
#pragma once

#include "domain/decimal.h"
#include "domain/instant.h"

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace clink_twin {

using checkout::decimal;
using checkout::instant;

using text_map = std::vector<std::pair<std::string, std::string>>;

enum class session_status { open, completed, expired };
enum class payment_status { unpaid, processing, paid };
enum class order_type { onetime, recurring };
enum class order_status { created, pending, requires_action, success, failed, partial_refunded, refunded };
enum class refund_status { created, success, failed };
enum class dispute_status {
    pending = 1,
    processing = 2,
    won = 3,
    lost = 4,
    withdrawn = 5
}; ///< numbers of 5.6
enum class ui_mode { hosted_page, elements };

/// Clink's "no", as it goes into the envelope: `code` is never 200. The same number serves as HTTP status
/// where the error style asks for one.
struct refusal {
    int code = 400;
    std::string message;
};
[[noreturn]] void throw_exception_from_error(const refusal& error, const boost::source_location& where);

template <class T>
using outcome = boost::system::result<T, refusal>;

struct customer {
    std::string id;
    std::string email;     ///< empty: none
    std::string reference; ///< the merchant's id for the customer; empty: none
};

/// The identifiers of a create call; an empty one was not given.
struct customer_hints {
    std::string id;
    std::string email;
    std::string reference;
    bool has_instrument_import = false; ///< a complete historicalPaymentInstrumentImport
};

struct line_item {
    std::string name;
    decimal unit_amount;
    std::int64_t quantity = 1;
    std::optional<std::string> currency;
    std::optional<std::string> image_url;
};

/// A create call after validation (2.1). Amounts are exact; nothing is rounded.
struct session_terms {
    decimal original_amount;
    std::string original_currency;
    customer_hints who;
    std::optional<std::string> merchant_reference_id;
    std::optional<std::string> price_id;
    std::optional<std::string> product_id;
    std::optional<std::vector<line_item>> items;
    ui_mode mode = ui_mode::hosted_page;
    std::optional<std::string> success_url;
    std::optional<std::string> cancel_url;
    std::optional<std::string> return_url;
    std::string payment_method_type;
    std::vector<std::string> hidden_methods;
    bool allow_promotion_codes = false;
    bool show_promotion_code = true;
    bool local_price_only = false;
    std::string promotion_code;
    text_map metadata;
};

struct session {
    std::string id;
    std::string token; ///< the page's secret
    std::string customer_id;
    std::string customer_email;
    session_terms terms;
    std::string raw_body; ///< the create call as received
    instant created;
    instant expires;
    session_status status = session_status::open;
    payment_status payment = payment_status::unpaid;
    std::optional<decimal> amount_total; ///< in payment_currency; nothing before a payment
    std::optional<std::string> payment_currency;
    std::optional<std::string> order_id;
    std::optional<std::string> subscription_id;
    std::optional<std::string> invoice_id;
    std::string processing_order; ///< the order under way while `payment` is processing
    std::string last_failure;     ///< what the hosted page tells the customer; empty: nothing
    std::uint64_t left = 0;       ///< how often the customer left the page
    bool is_forgotten = false;
};

struct order {
    std::string id;
    order_type type = order_type::onetime;
    std::string session_id;
    std::optional<std::string> merchant_reference_id;
    std::optional<std::string> subscription_id;
    std::optional<std::string> invoice_id;
    std::string customer_id;
    std::string customer_email;
    std::optional<std::string> price_id;
    std::optional<std::string> product_id;
    std::optional<std::vector<line_item>> items;
    std::string payment_method;
    std::string instrument_id;
    std::string card_scheme; ///< empty for anything but a card
    std::string card_last_four;
    decimal amount_subtotal; ///< in original_currency
    decimal amount_total;    ///< in payment_currency
    std::string payment_currency;
    std::string original_currency;
    order_status status = order_status::created;
    std::string failure_code;
    std::string failure_message;
    std::optional<instant> payment_time;
    instant create_time;
    text_map metadata;
    decimal refunded;  ///< successful refunds, in payment_currency
    decimal refunding; ///< refunds under way
    bool is_forgotten = false;
};

struct refund {
    std::string id;
    std::string merchant_refund_id; ///< refundMerchantOrderId
    std::string order_id;
    std::string customer_id;
    std::string instrument_id;
    decimal amount;
    std::string currency;
    refund_status status = refund_status::created;
    std::string failure_code;
    std::string reason;
    std::optional<std::string> merchant_reference_id;
    instant create_time;
};

struct dispute {
    std::string id;
    std::string order_id;
    std::string customer_id;
    std::optional<std::string> merchant_reference_id;
    decimal amount;
    std::string currency;
    decimal original_amount;
    std::string original_currency;
    dispute_status status = dispute_status::pending;
    instant opened;
};

/// Something that Clink tells the merchant: a name of 5.1 and the resource as it was at that moment.
struct event {
    std::string type;
    std::variant<session, order, refund, dispute> resource;
};

} // namespace clink_twin
