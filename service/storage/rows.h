// Rows as libpqxx gives them ↔ domain values: the columns of orders, sessions and payments in one place. For
// storage/*.cpp alone.
#pragma once

#include "domain/order.h"

#include <pqxx/pqxx>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace checkout {

/// PostgreSQL's ISO text of a timestamptz in UTC.
instant read_instant(const pqxx::field& field);
std::optional<instant> read_optional_instant(const pqxx::field& field);
std::optional<std::string> read_optional_text(const pqxx::field& field);
/// An exact numeric; nothing for NULL. Throws std::range_error when it does not fit the domain's decimal.
std::optional<decimal> read_optional_decimal(const pqxx::field& field);
decimal read_decimal(const pqxx::field& field);

/// A value as a statement's parameter.
std::string write_instant(instant at);
std::optional<std::string> write_instant(const std::optional<instant>& at);
std::optional<std::string> write_decimal(const std::optional<decimal>& amount);
template <class Id>
std::optional<std::string> write_id(const std::optional<Id>& id) {
    return id ? std::optional(id->str()) : std::nullopt;
}

/// A flat jsonb object of strings.
std::string write_text_object(const std::map<std::string, std::string>& members);
std::vector<std::pair<std::string, std::string>> read_text_object(std::string_view json);

/// Every column of the alias `o`, `s`, `p`, `r` or `d` that the readers below want, for a select list.
extern const char* const order_columns;
extern const char* const session_columns;
extern const char* const payment_columns;
extern const char* const refund_columns;
extern const char* const dispute_columns;

order_record read_order(const pqxx::row& row);
session_record read_session(const pqxx::row& row);
payment_record read_payment(const pqxx::row& row);
refund_record read_refund(const pqxx::row& row);
dispute_record read_dispute(const pqxx::row& row);

} // namespace checkout
