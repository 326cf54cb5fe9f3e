#include "finance/certificate.h"

#include "finance/row_format.h"
#include "json/json.h"

#include <algorithm>
#include <stdexcept>

namespace checkout {

namespace {

json_array sums_of(const census_sums& sums, census_result wanted, bool with_amount) {
    json_array list;
    for (const auto& line : sums.lines) {
        if (line.result != wanted)
            continue;
        const auto currency = line.currency.value_or("");
        json_object sum{{"currency", line.currency ? json_value(currency) : json_value()},
                        {"count", line.count}};
        if (with_amount)
            sum.push_back({"amount", format_database_amount(line.amount, currency)});
        list.push_back(std::move(sum));
    }
    return list;
}

std::int64_t count_of(const census_sums& sums, census_result wanted) {
    std::int64_t count = 0;
    for (const auto& line : sums.lines)
        count += line.result == wanted ? line.count : 0;
    return count;
}

/// A certificate that is read again; what it lacks is a fault of this program's.
class certificate_reader {
public:
    explicit certificate_reader(const std::string& text) {
        auto parsed = parse_json(text);
        if (!parsed)
            throw std::runtime_error("the certificate on record cannot be read");
        root_ = std::move(*parsed);
    }

    std::string text(const std::string& name) const { return text_of(member(root_, name)); }
    bool flag(const std::string& name) const {
        const auto* value = member(root_, name).if_bool();
        return value != nullptr && *value;
    }
    /// "  USD  12  499.00" lines, or " none".
    std::string sums(const std::string& name) const {
        const auto* list = member(root_, name).if_array();
        if (list == nullptr || list->empty())
            return " none\n";
        std::string lines = "\n";
        for (const auto& sum : *list) {
            const auto currency = member(sum, "currency").is_null() ? "?" : text_of(member(sum, "currency"));
            const auto count = text_of(member(sum, "count"));
            const auto* amount = sum.find("amount");
            lines += "  " + currency
                     + std::string(std::max<std::size_t>(5, currency.size() + 1) - currency.size(), ' ')
                     + count + (amount != nullptr ? "  worth " + text_of(*amount) : "") + "\n";
        }
        return lines;
    }

private:
    static const json_value& member(const json_value& object, const std::string& name) {
        const auto* found = object.find(name);
        if (found == nullptr)
            throw std::runtime_error("the certificate on record has no " + name);
        return *found;
    }
    static std::string text_of(const json_value& value) {
        if (const auto* text = value.if_string())
            return *text;
        const auto* number = value.if_number();
        return number != nullptr ? number->token : "";
    }

    json_value root_;
};

} // namespace

std::string write_certificate(const census_scope& scope, const census_record& census,
                              const census_sums& sums) {
    return write_json(json_object{{"asOf", to_rfc3339(sums.now)},
                                  {"startedAt", to_rfc3339(census.started_at)},
                                  {"from", to_rfc3339(scope.from)},
                                  {"to", to_rfc3339(scope.to)},
                                  {"all", scope.whole_list},
                                  {"orders", census.order_count},
                                  {"sessions", sums.sessions},
                                  {"matched", sums_of(sums, census_result::matched, true)},
                                  {"duplicates", sums_of(sums, census_result::duplicate, true)},
                                  {"unknown", sums_of(sums, census_result::unknown, true)},
                                  {"missing", sums_of(sums, census_result::missing, true)},
                                  {"differing", sums_of(sums, census_result::differing, true)},
                                  {"refunds", sums_of(sums, census_result::refund_unrecorded, false)},
                                  {"missingSessions", count_of(sums, census_result::missing_session)},
                                  {"notAnswered", count_of(sums, census_result::not_answered)},
                                  {"openDiscrepancies", sums.open_discrepancies}});
}

std::string describe_certificate(const std::string& certificate) {
    const certificate_reader read(certificate);
    return "Certificate of reconciliation\n\n"
           "Scope: the "
           + read.text("orders") + " orders with a session, payment or refund recorded from\n"
           + read.text("from") + " up to " + read.text("to") + ", with their " + read.text("sessions")
           + " sessions"
           + (read.flag("all") ? ",\nand every order in Clink's own list that was paid in that time.\n"
                               : ".\n")
           + "Clink was asked from " + read.text("startedAt") + " to " + read.text("asOf") + ".\n\n"
           + "As of " + read.text("asOf")
           + ", Clink and this record agree on these payments:" + read.sums("matched")
           + "Agreed, but not the first of their order (duplicates):" + read.sums("duplicates")
           + "Paid at Clink and not on record (unknown to us):" + read.sums("unknown")
           + "On record and missing at Clink:" + read.sums("missing")
           + "On record, and Clink says otherwise (differing):" + read.sums("differing")
           + "Refunded at Clink without a refund on record:" + read.sums("refunds")
           + "Sessions missing at Clink: " + read.text("missingSessions") + "\n"
           + "Sessions, payments and lists of orders that Clink did not answer about: "
           + read.text("notAnswered") + "\n"
           + "Open discrepancies in this scope: " + read.text("openDiscrepancies") + "\n";
}

bool is_clean(const std::string& certificate) {
    const certificate_reader read(certificate);
    return read.text("openDiscrepancies") == "0" && read.text("notAnswered") == "0";
}

} // namespace checkout
