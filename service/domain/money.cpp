#include "domain/money.h"

#include "domain/currency.h"

namespace checkout {

std::string format_amount(const decimal& amount, std::string_view currency) {
    return amount.to_string(find_minor_digits(currency).value_or(0));
}

} // namespace checkout
