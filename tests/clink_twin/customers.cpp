#include "customers.h"

namespace clink_twin {

namespace {

refusal not_found() {
    return {404, "CUSTOMER_NOT_FOUND"};
}

refusal not_matched() {
    return {409, "CUSTOMER_IDENTIFIER_NOT_MATCHED"};
}

} // namespace

outcome<customer> customer_book::resolve(const customer_hints& hints) {
    if (!hints.id.empty()) {
        auto* found = find(by_id_, hints.id);
        return found ? resolve_known(*found, hints) : outcome<customer>(not_found());
    }
    if (!hints.email.empty() && !hints.reference.empty())
        return resolve_by_both(hints);
    if (!hints.email.empty()) {
        auto* found = find(by_email_, hints.email);
        return found ? *found : add({"", hints.email, ""});
    }
    if (!hints.reference.empty()) {
        auto* found = find(by_reference_, hints.reference);
        return found ? *found : add({"", "", hints.reference});
    }
    if (hints.has_instrument_import)
        return add({});
    return not_found();
}

outcome<customer> customer_book::resolve_known(customer& found, const customer_hints& hints) {
    if (!hints.email.empty() && hints.email != found.email)
        return not_matched();
    if (hints.reference.empty() || hints.reference == found.reference)
        return found;
    if (!found.reference.empty() || find(by_reference_, hints.reference))
        return not_matched();
    found.reference = hints.reference;
    by_reference_.emplace(found.reference, &found);
    return found;
}

outcome<customer> customer_book::resolve_by_both(const customer_hints& hints) {
    auto* by_email = find(by_email_, hints.email);
    auto* by_reference = find(by_reference_, hints.reference);
    if (by_email != by_reference)
        return not_matched();
    return by_email ? *by_email : add({"", hints.email, hints.reference});
}

const customer& customer_book::add(customer known) {
    if (known.id.empty())
        known.id = make_id_();
    auto& added = customers_.emplace_back(std::move(known));
    by_id_.emplace(added.id, &added);
    if (!added.email.empty())
        by_email_.emplace(added.email, &added);
    if (!added.reference.empty())
        by_reference_.emplace(added.reference, &added);
    return added;
}

void customer_book::clear() {
    for (auto* where : {&by_id_, &by_email_, &by_reference_})
        where->clear();
    customers_.clear();
}

customer* customer_book::find(const index& where, const std::string& value) {
    auto found = where.find(value);
    return found == where.end() ? nullptr : found->second;
}

} // namespace clink_twin
