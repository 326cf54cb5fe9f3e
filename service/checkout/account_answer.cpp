#include "checkout/account_answer.h"

#include "json/json.h"

namespace checkout {

namespace {

std::optional<std::string> find_user(const session_record& session) {
    for (const auto* pointer : {"/referenceCustomerId", "/customerId"})
        if (const auto term = session.terms.find(pointer); term != session.terms.end())
            return term->second;
    return session.customer_id;
}

} // namespace

std::optional<std::string> write_account_answer(const account_claim& claim, const std::string& website,
                                                const session_record& session) {
    const auto user = find_user(session);
    if (!user)
        return std::nullopt;
    return write_json(json_object{{"object", "event"},
                                  {"type", "account.reloaded"},
                                  {"data", json_object{{"customerEmail", claim.customer_email},
                                                       {"webSite", website},
                                                       {"userId", *user},
                                                       {"amount", json_number{claim.amount}},
                                                       {"currency", claim.currency}}}});
}

} // namespace checkout
