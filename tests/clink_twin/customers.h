// Clink's customers and the truth table by which a create call finds, makes or binds one (clink-api.md 2.3).
#pragma once

#include "model.h"

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>

namespace clink_twin {

class customer_book {
public:
    /// Gives the id of the next customer.
    explicit customer_book(std::function<std::string()> make_id) : make_id_(std::move(make_id)) {}

    /// The customer that the hints name, found, created or bound as section 2.3 says. Refuses with
    /// CUSTOMER_NOT_FOUND or CUSTOMER_IDENTIFIER_NOT_MATCHED, and changes nothing then.
    outcome<customer> resolve(const customer_hints& hints);

    /// Adds a customer as the dashboard would; an empty id is made up.
    const customer& add(customer known);
    const std::deque<customer>& all() const { return customers_; }
    void clear();

private:
    using index = std::unordered_map<std::string, customer*>;
    static customer* find(const index& where, const std::string& value);
    outcome<customer> resolve_known(customer& found, const customer_hints& hints);
    outcome<customer> resolve_by_both(const customer_hints& hints);

    std::function<std::string()> make_id_;
    std::deque<customer> customers_; ///< never moved once added: the indexes point into it
    index by_id_;
    index by_email_;
    index by_reference_;
};

} // namespace clink_twin
