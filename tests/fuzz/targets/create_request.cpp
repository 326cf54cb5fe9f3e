// The body of POST /v1/checkout-sessions. A refused one is explained in a problem document; an accepted one
// adds up to its amount, keeps its terms however it is spelled, and becomes a body for Clink that says the
// same.
#include "http/create_request.h"

#include "clink/create_command.h"
#include "domain/currency.h"
#include "http/pass_through.h"
#include "http/priced_items.h"
#include "http/text_rules.h"
#include "support/json_mutator.h"
#include "support/json_walk.h"
#include "support/property.h"
#include "support/request_text.h"
#include "json/json.h"

#include <algorithm>
#include <cstdint>

using namespace checkout;

namespace {

const create_request_policy any_host;
const create_request_policy one_shop{{{"shop.example", std::nullopt}, {"shop.test", 8443}}};
constexpr std::string_view attempt = "01a1fd8f-9923-7a78-9229-141b4aedb57d";

bool is_one_shop(const std::string& url) {
    const auto parsed = parse_web_url(url);
    return parsed
           && (parsed->host == "shop.example"
               || (parsed->host == "shop.test" && parsed->effective_port() == 8443));
}

void check_errors(const std::vector<field_error>& errors) {
    must(!errors.empty() && errors.size() <= 1000, "a refused request has its errors");
    for (const auto& error : errors) {
        must(error.pointer.empty() || error.pointer.front() == '/', "an error has a pointer");
        must(!error.message.empty() && decode_utf8(error.message), "an error has a sentence");
    }
    const auto ascending = [](const field_error& a, const field_error& b) { return a.pointer >= b.pointer; };
    must(std::ranges::adjacent_find(errors, ascending) == errors.end(), "pointers rise, each comes once");
}

void check_refusal(const problem& refusal, std::string_view body) {
    if (refusal.code == problem_code::malformed_json) {
        must(!parse_json(body), "only what does not parse is malformed");
    } else {
        must(refusal.code == problem_code::validation_failed && parse_json(body), "what parses is validated");
        check_errors(refusal.errors);
    }
    const auto answer = to_response(refusal, "request-1");
    const auto document = parse_json(answer.body);
    must(document && document->find("code") && document->find("instance"), "a problem document is JSON");
    must(answer.status == (refusal.code == problem_code::malformed_json ? 400 : 422),
         "a refusal is 400 or 422");
}

/// In the currency's smallest unit, off the amount's text.
int128 minor_units(const decimal& amount, int digits) {
    must(amount.needed_scale() <= digits, "an amount has no more digits than its currency");
    int128 units = 0;
    for (const char c : amount.to_string(digits))
        units = c == '.' ? units : units * 10 + (c - '0');
    return units;
}

void check_amounts(const checkout_terms& terms) {
    const auto digits = find_minor_digits(terms.original.currency);
    must(digits.has_value(), "the currency is one of ISO 4217");
    const auto total = minor_units(terms.original.amount, *digits);
    must(total > 0 && !terms.original.amount.is_negative(), "an amount is more than zero");
    int128 sum = 0;
    for (const auto& item : terms.items) {
        const auto price = minor_units(item.unit_amount, *digits);
        must(price > 0 && item.quantity > 0, "an item costs something");
        must(item.currency == terms.original.currency, "an item counts in the order's currency");
        sum += price * item.quantity;
    }
    must(terms.items.empty() || sum == total, "the items add up to the amount");
}

void check_customer_and_price(const checkout_terms& terms) {
    must(terms.customer_id || terms.customer_email || terms.reference_customer_id, "there is a customer");
    must(terms.items.empty() == (terms.product_id && terms.price_id), "items, or a product with its price");
    must(terms.product_id.has_value() == terms.price_id.has_value(), "a product and its price go together");
    must(terms.items.size() <= max_items, "there are not too many items");
    must(terms.mode != ui_mode::elements || terms.return_url, "elements return somewhere");
    must(!terms.promotion_code || terms.allow_promotion_codes == true, "a code is allowed for");
}

void check_pass_through(const checkout_terms& terms) {
    const auto rises = [](const auto& list, auto name) {
        return std::ranges::adjacent_find(list, std::ranges::greater_equal{}, name) == list.end();
    };
    must(rises(terms.metadata, &std::pair<std::string, std::string>::first), "metadata's keys rise");
    must(rises(terms.extra, &extra_member::name), "extra's names rise");
    must(terms.metadata.size() <= max_metadata_keys, "there is room for the service's own key");
    for (const auto& member : terms.extra) {
        const auto value = parse_json(member.json);
        must(value && write_canonical_json(*value) == member.json, "an extra member is canonical JSON");
        must(depth_of(*value) < max_extra_depth, "an extra member is shallow");
    }
}

void check_storable(const create_request& accepted) {
    must(is_merchant_order_id(accepted.order_id.str()), "the order's id is one");
    for (const auto& [pointer, value] : record(accepted.terms)) {
        must(decode_utf8(pointer) && decode_utf8(value), "terms are UTF-8");
        must((pointer + value).find('\0') == std::string::npos, "terms hold no U+0000");
    }
    for (const auto& member : accepted.terms.extra)
        for_each_text(parse_json(member.json).value(), [](const std::string& text) {
            must(text.find('\0') == std::string::npos, "extra terms hold no escaped U+0000");
        });
}

/// The body for Clink says what the terms say, and nothing in the request can stand in for the service's own
/// fields.
void check_command(const create_request& accepted) {
    const create_command command{.order_id = accepted.order_id,
                                 .attempt = attempt_id(std::string(attempt)),
                                 .terms = accepted.terms,
                                 .success_url = accepted.terms.success_url,
                                 .cancel_url = accepted.terms.cancel_url,
                                 .context = {}};
    const auto body = parse_json(write_create_body(command));
    must(body.has_value(), "what is sent is JSON without repeated names");
    const auto* reference = body->find("merchantReferenceId");
    must(reference && *reference == json_value(accepted.order_id.str()), "Clink is told the order");
    const auto* own = body->find("metadata")->find(reserved_metadata_key);
    must(own && *own == json_value(attempt), "Clink is told the attempt");
    const auto* amount = body->find("originalAmount");
    must(amount && amount->if_number()
             && decimal::parse(amount->if_number()->token) == accepted.terms.original.amount,
         "Clink is told the amount");
    for (const auto& [key, value] : accepted.terms.metadata)
        must(*body->find("metadata")->find(key) == json_value(value), "metadata is passed on");
    for (const auto& member : accepted.terms.extra)
        must(*body->find(member.name) == *parse_json(member.json), "extra members are passed on");
}

void check_same(const create_request& accepted, const std::string& spelled) {
    const auto again = parse_create_request(spelled, any_host);
    must(again.has_value(), "another spelling of a good request is good");
    must(again->order_id == accepted.order_id && again->supersede == accepted.supersede,
         "it is of the same order");
    must(find_conflicts(record(accepted.terms), record(again->terms)).empty(), "its terms are the same");
    must(fingerprint(record(accepted.terms)) == fingerprint(record(again->terms)), "so is their fingerprint");
}

void check_policy(const create_request& accepted, std::string_view body) {
    const auto restricted = parse_create_request(body, one_shop);
    bool allowed = true;
    for (const auto* url :
         {&accepted.terms.success_url, &accepted.terms.cancel_url, &accepted.terms.return_url})
        allowed = allowed && (!*url || is_one_shop(**url));
    must(restricted.has_value() == allowed, "customers are sent to allowed hosts only");
}

void check_accepted(const create_request& accepted, std::string_view body) {
    check_amounts(accepted.terms);
    check_customer_and_price(accepted.terms);
    check_pass_through(accepted.terms);
    check_storable(accepted);
    check_command(accepted);
    check_policy(accepted, body);
    check_same(accepted, write_canonical_json(parse_json(body).value()));
    check_same(accepted, write_json(to_request_json(accepted)));
}

bool names(const field_error& error, std::string_view member) {
    const auto pointer = append_pointer("", member);
    return error.pointer == pointer || error.pointer.starts_with(pointer + "/");
}

/// The request without the members that are wrong, and with good ones for what it then lacks. Few inputs are
/// right in every member; this way each right member is looked at.
std::string repaired(const json_object& wrong, const std::vector<field_error>& errors) {
    static const auto spare =
        parse_json(R"({"merchantOrderId":"ORD-1","originalAmount":"10","originalCurrency":"USD",
        "customerId":"cus_1","priceDataList":[{"name":"Mug","unitAmount":10}],"returnUrl":"https://shop.example"})");
    json_object body;
    for (const auto& member : wrong)
        if (std::ranges::none_of(errors, [&](const auto& error) { return names(error, member.name); }))
            body.push_back(member);
    for (const auto& member : *spare->if_object())
        if (!find_member(body, member.name)
            && std::ranges::any_of(errors, [&](const auto& error) { return names(error, member.name); }))
            body.push_back(member);
    return write_json(body);
}

void check_refused(problem refusal, std::string body) {
    check_refusal(refusal, body);
    must(!parse_create_request(body, one_shop), "a policy repairs nothing");
    for (int tries = 0; tries < 4 && refusal.code == problem_code::validation_failed; ++tries) {
        const auto parsed = parse_json(body).value();
        if (!parsed.if_object())
            return;
        body = repaired(*parsed.if_object(), refusal.errors);
        const auto again = parse_create_request(body, any_host);
        if (again)
            return check_accepted(*again, body);
        refusal = again.error();
    }
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_json(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    if (const auto accepted = parse_create_request(body, any_host))
        check_accepted(*accepted, body);
    else
        check_refused(accepted.error(), std::string(body));
    return 0;
}
