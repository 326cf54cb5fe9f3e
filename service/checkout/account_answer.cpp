#include "checkout/account_answer.h"

#include "json/json.h"

#include <algorithm>

namespace checkout {

namespace {

std::optional<std::string> find_user_of(const session_record& session) {
    for (const auto* pointer : {"/referenceCustomerId", "/customerId"})
        if (const auto term = session.terms.find(pointer); term != session.terms.end())
            return term->second;
    return session.customer_id;
}

std::optional<std::string> find_user(const order_record& order,
                                     const std::optional<clink_session_id>& session) {
    if (const auto* named = session ? order.find_session(*session) : nullptr)
        return find_user_of(*named);
    const auto user = order.sessions.empty() ? std::nullopt : find_user_of(order.sessions.front());
    const bool agreed = std::ranges::all_of(
        order.sessions, [&](const session_record& each) { return find_user_of(each) == user; });
    return agreed ? user : std::nullopt;
}

} // namespace

std::optional<std::string> write_account_answer(const account_claim& claim, const std::string& website,
                                                const order_record& order,
                                                const std::optional<clink_session_id>& session) {
    const auto user = find_user(order, session);
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
