// What a test can turn while the twin runs: how errors look, how slow answers are, what webhooks carry. Where
// Clink's behaviour is unknown (clink-api.md section 12) there is a switch here. Names and defaults:
// README.md.
#pragma once

#include "model.h"

#include "json/json.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace clink_twin {

enum class error_style { http_200, http_4xx };
enum class unauthorized_style { text, envelope };
enum class list_order { newest_first, oldest_first };
enum class refund_outcome { success, pending, failed };
enum class timestamp_unit { milliseconds, seconds };
enum class signature_style { valid, wrong, absent };
enum class retry_timestamp { fresh, original };
enum class session_body { null_heavy, full };

struct promotion {
    decimal percent_off;
    decimal amount_off; ///< in the order's currency
};

struct local_currency {
    std::string currency; ///< empty: the page offers none
    decimal exchange_rate;
};

struct webhook_settings {
    bool enabled = true;
    bool hold = false; ///< events wait for a flush
    std::string url;   ///< empty: nothing is delivered
    std::string secret;
    std::int64_t duplicates = 0; ///< further deliveries of every event, same id and body
    bool shuffle = false;
    std::vector<std::string> drop; ///< event types never delivered; "*" is all
    std::int64_t delay_ms = 0;
    std::int64_t timeout_ms = 10'000;
    std::int64_t max_retries = 10;
    decimal retry_scale;
    retry_timestamp on_retry = retry_timestamp::fresh;
    timestamp_unit timestamps = timestamp_unit::milliseconds;
    std::int64_t timestamp_offset_seconds = 0; ///< added to the header's time, e.g. -600 for a late delivery
    bool sign_type = true;
    signature_style signature = signature_style::valid;
    session_body session = session_body::null_heavy;
    bool amounts_as_strings = false;
    bool null_reference = false; ///< merchantReferenceId is the text "null"
    bool extra_fields = false;
    bool legacy_envelope = false;
};

struct twin_settings {
    std::vector<std::string> api_keys; ///< each of them is good; none shows in answers
    std::string merchant_name = "Northwind Outfitters";
    std::int64_t latency_ms = 0;
    std::int64_t timestamp_window_seconds = 120; ///< 0: X-Timestamp is not looked at
    error_style errors = error_style::http_200;
    unauthorized_style unauthorized = unauthorized_style::text;
    bool strict = true; ///< refuse items that do not add up, contradicting modes and unknown method names
    list_order orders = list_order::newest_first;
    bool list_by_reference = true; ///< false: the list does not know this filter
    std::int64_t list_lag_ms = 0;  ///< how long a new order stays invisible in the list
    bool elements_url = false;     ///< `url` also for elements sessions
    std::int64_t session_lifetime_seconds = 3600;
    bool metadata_on_orders = true;
    refund_outcome refunds = refund_outcome::success;
    decimal surcharge; ///< added to every payment, in the payment currency
    local_currency local;
    std::map<std::string, promotion> promotions;
    webhook_settings webhooks;
};

/// Every setting as JSON, of the secrets only `secret_set` and `api_keys_set`.
checkout::json_value settings_json(const twin_settings& settings);

/// Merges a partial settings object; throws control_error (json_access.h) naming an unknown setting or a
/// wrong value, and leaves `settings` as it was then.
void merge_settings(twin_settings& settings, const checkout::json_value& changes);

/// WELCOME10 (10 % off) and TAKE5 (5 off).
std::map<std::string, promotion> usual_promotions();

} // namespace clink_twin
