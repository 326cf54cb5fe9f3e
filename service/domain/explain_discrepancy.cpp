#include "domain/explain.h"

#include <algorithm>
#include <string_view>

namespace checkout {

namespace {

/// A fact of the discrepancy; "?" when it was not recorded.
std::string fact(const discrepancy_record& found, std::string_view name) {
    const auto member = std::ranges::find(found.detail, name, &std::pair<std::string, std::string>::first);
    return member == found.detail.end() ? "?" : member->second;
}

bool has_fact(const discrepancy_record& found, std::string_view name) {
    return std::ranges::count(found.detail, name, &std::pair<std::string, std::string>::first) > 0;
}

/// A fact of the form "49.9 USD" with its currency's digits.
std::string money_fact(const discrepancy_record& found, std::string_view name) {
    const auto text = fact(found, name);
    const auto space = std::min(text.find(' '), text.size());
    const auto amount = decimal::parse(std::string_view(text).substr(0, space));
    if (!amount || space == text.size())
        return "an unknown amount";
    const auto currency = text.substr(space + 1);
    return format_amount(*amount, currency) + " " + currency;
}

std::string explain_amount(const discrepancy_record& found) {
    if (has_fact(found, "refundId") && has_fact(found, "clinkStatus"))
        return "Clink says that refund " + fact(found, "refundId") + " of its order "
               + fact(found, "clinkOrderId") + " is " + fact(found, "clinkStatus")
               + ", after it had said that it succeeded; it still counts as given back."
               + " Ask Clink whether the customer has the money.";
    if (has_fact(found, "refundId"))
        return "with refund " + fact(found, "refundId") + " more was given back than Clink's order "
               + fact(found, "clinkOrderId") + " was paid. Check the refunds of that payment at Clink.";
    if (has_fact(found, "field"))
        return "Clink made a session for another amount than was asked (asked " + fact(found, "asked")
               + ", Clink said " + fact(found, "echoed") + "), so its page was not released."
               + " Find the cause before the order is tried again.";
    if (has_fact(found, "recorded"))
        return "Clink says another amount of its order " + fact(found, "clinkOrderId")
               + " than it said before (" + money_fact(found, "recorded") + " on record, "
               + money_fact(found, "clink") + " at Clink now). Ask Clink which is right.";
    return "what was paid is not what was asked for (asked " + money_fact(found, "asked") + ", paid "
           + money_fact(found, "paid") + "). Refund what is too much, or ask the customer for the rest.";
}

std::string explain_currency(const discrepancy_record& found) {
    if (has_fact(found, "refundId"))
        return "refund " + fact(found, "refundId")
               + " is in another currency than the payment of Clink's order " + fact(found, "clinkOrderId")
               + ", so it is not counted. Check its amount at Clink.";
    if (has_fact(found, "field"))
        return "Clink made a session in another currency than was asked (asked " + fact(found, "asked")
               + ", Clink said " + fact(found, "echoed") + "), so its page was not released."
               + " Find the cause before the order is tried again.";
    if (has_fact(found, "recorded"))
        return "Clink says another currency of its order " + fact(found, "clinkOrderId")
               + " than it said before (" + money_fact(found, "recorded") + " on record, "
               + money_fact(found, "clink") + " at Clink now). Ask Clink which is right.";
    return "Clink names another original currency than the order's (asked " + money_fact(found, "asked")
           + ", Clink says " + fact(found, "clinkOriginalCurrency") + ", paid " + money_fact(found, "paid")
           + "). Check with Clink what the customer was shown.";
}

std::string explain_reference(const discrepancy_record& found) {
    if (has_fact(found, "clinkSession"))
        return "Clink's order " + fact(found, "clinkOrderId")
               + " is on record as a payment of this order, and Clink names another session with it, "
               + fact(found, "clinkSession") + ". Ask Clink which session it was for.";
    if (has_fact(found, "clinkOrderId") && has_fact(found, "clinkReference"))
        return "Clink's order " + fact(found, "clinkOrderId")
               + " is on record as a payment of this order and has another reference at Clink."
                 " Ask Clink which order it was for.";
    if (has_fact(found, "clinkOrderId"))
        return "Clink's order " + fact(found, "clinkOrderId")
               + " is already the payment of another session, so it was not counted here."
                 " Ask Clink which session it was for.";
    return "Clink answered with the reference of another order about a session of this one."
           " Ask Clink which order the session was for before anything is shipped.";
}

std::string explain_orphan(const discrepancy_record& found) {
    if (has_fact(found, "eventId"))
        return "the webhook " + fact(found, "eventId") + " (" + fact(found, "type")
               + ") could not be matched with anything on record. It is tried again for a while;"
                 " if it stays, look its subject up at Clink.";
    return "Clink has a paid order " + fact(found, "clinkOrderId")
           + " under this order's reference that belongs to none of its attempts."
             " Find out who made it; refund it if nobody did.";
}

std::string explain_refund(const discrepancy_record& found) {
    return "refund " + fact(found, "refundId") + " is of Clink's order " + fact(found, "clinkOrderId")
           + ", of which no payment is on record. Look that order up at Clink; the refund is counted once "
             "its payment"
             " is found.";
}

std::string explain_missing(const discrepancy_record& found) {
    if (has_fact(found, "clinkStatus"))
        return "Clink says of its order " + fact(found, "clinkOrderId") + " that it is "
               + fact(found, "clinkStatus") + ", and its payment is on record. Ask Clink what became of it.";
    if (has_fact(found, "clinkOrderId"))
        return "Clink no longer knows its order " + fact(found, "clinkOrderId")
               + ", whose payment is on record. Ask Clink what became of it.";
    return "Clink no longer knows the session " + fact(found, "sessionId") + ". Ask Clink what became of it.";
}

std::string explain_kind(const discrepancy_record& found) {
    switch (found.kind) {
    case discrepancy_kind::duplicate_payment:
        return "the order was paid " + fact(found, "payments")
               + " times. Decide which payment stands and refund the others at Clink.";
    case discrepancy_kind::amount_mismatch:
        return explain_amount(found);
    case discrepancy_kind::currency_mismatch:
        return explain_currency(found);
    case discrepancy_kind::paid_after_expiry:
        return "a payment came after its session had expired. Deliver the order if it still can be, else "
               "refund it.";
    case discrepancy_kind::paid_after_cancel:
        return "a payment came after the order was cancelled. Refund it, or take the order up again.";
    case discrepancy_kind::paid_on_superseded:
        return "a session was paid after another one had taken its place, perhaps on older terms. Check that "
               "the amount"
               " is right, and that the newer session was not paid, too.";
    case discrepancy_kind::paid_on_dark_session:
        return "a session was paid whose page this service never handed out. Find out how the customer came "
               "to it, then"
               " deliver or refund.";
    case discrepancy_kind::reference_mismatch:
        return explain_reference(found);
    case discrepancy_kind::orphan_event:
        return explain_orphan(found);
    case discrepancy_kind::stuck_unknown:
        return "a session's expiry is long past and Clink does not say what became of it. It is asked about "
               "further;"
               " look it up at Clink if this lasts.";
    case discrepancy_kind::refund_without_payment:
        return explain_refund(found);
    case discrepancy_kind::missing_at_clink:
        return explain_missing(found);
    case discrepancy_kind::refund_unrecorded:
        return "Clink says of its order " + fact(found, "clinkOrderId") + " that it is "
               + fact(found, "clink") + ", and the refunds on record come to " + money_fact(found, "recorded")
               + ". Look its refunds up at Clink.";
    }
    return "";
}

} // namespace

std::string explain_discrepancy(const discrepancy_record& found) {
    return "Open since " + to_rfc3339(found.opened_at) + ", " + std::string(to_string(found.kind)) + ": "
           + explain_kind(found);
}

} // namespace checkout
