#include "hosted_page.h"

#include "crypto/encoding.h"
#include "page_html.h"
#include "redirect_url.h"

#include "crypto/digest.h"

namespace clink_twin {

namespace {

constexpr std::string_view test_card = "4242424242424242";

struct page_call {
    const session* of = nullptr;
    std::string key;    ///< percent-encoded path segment
    std::string action; ///< empty: the page itself
    text_map form;      ///< the posted fields, or the query
};

std::string field(const text_map& form, std::string_view name) {
    for (auto& [each, value] : form)
        if (each == name)
            return value;
    return {};
}

http_response page_answer(unsigned status, std::string html) {
    http_response answer;
    answer.status = status;
    answer.set("Content-Type", "text/html; charset=utf-8");
    answer.set("Cache-Control", "no-store");
    // No form-action: browsers would apply it to the redirect that follows a post, and merchants are
    // elsewhere.
    answer.set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
                                          "base-uri 'none'; frame-ancestors 'none'");
    answer.set("Referrer-Policy", "no-referrer");
    answer.set("X-Content-Type-Options", "nosniff");
    answer.body = std::move(html);
    return answer;
}

http_response redirect(const std::string& to) {
    http_response answer;
    answer.status = 303;
    answer.set("Location", to);
    answer.set("Cache-Control", "no-store");
    return answer;
}

/// The page again, from one of its actions; relative, so that any prefix before /pay stays.
http_response back_to_page(const page_call& call, const std::string& query = {}) {
    return redirect("../" + call.key + (query.empty() ? "" : "?" + query));
}

std::optional<page_call> read_call(const core& twin, const http_request& request) {
    auto path = checkout::split_path(request.path);
    if (!path || path->size() < 2 || path->size() > 3)
        return std::nullopt;
    auto& key = (*path)[1];
    auto hash = key.find('#');
    auto* of = hash == std::string::npos ? nullptr : twin.state.find_session(key.substr(0, hash));
    if (!of || !checkout::equal_in_constant_time(key.substr(hash + 1), of->token))
        return std::nullopt;
    auto fields = checkout::parse_query(request.method == "POST" ? request.body : request.query);
    return page_call{of, checkout::percent_encode(key), path->size() == 3 ? (*path)[2] : "",
                     fields.value_or(text_map{})};
}

payment_choice read_choice(const core& twin, const page_call& call) {
    payment_choice choice;
    choice.method = field(call.form, "method");
    if (auto code = field(call.form, "code"); !code.empty() && code != call.of->terms.promotion_code)
        choice.promotion_code = code;
    auto& local = twin.settings.local;
    auto wanted = field(call.form, "currency");
    if (wanted.empty() && call.of->terms.local_price_only)
        wanted = local.currency;
    if (!local.currency.empty() && wanted == local.currency) {
        choice.payment_currency = local.currency;
        choice.exchange_rate = local.exchange_rate;
    }
    return choice;
}

/// What the form chose, for the page that follows.
std::string chosen_query(const page_call& call) {
    std::string query;
    for (auto* name : {"code", "currency"})
        if (auto value = field(call.form, name); !value.empty())
            query += std::string(query.empty() ? "" : "&") + name + "=" + checkout::percent_encode(value);
    return query;
}

std::string notice_for(const refusal& why) {
    if (why.message == "PROMOTION_CODE_INVALID" || why.message == "PROMOTION_CODE_NOT_ALLOWED")
        return "This promotion code is not valid.";
    return "This cannot be paid as chosen: " + why.message + ".";
}

/// A promotion's effect in the original currency.
decimal discount_of(const core& twin, const session& of, const payment_choice& choice) {
    payment_choice plain;
    plain.promotion_code = choice.promotion_code;
    plain.surcharge = decimal();
    auto net = twin.state.price(of, plain);
    auto off = net ? decimal::subtract(of.terms.original_amount, *net) : std::nullopt;
    return off.value_or(decimal());
}

http_response show(const core& twin, const page_call& call) {
    auto& of = *call.of;
    auto choice = read_choice(twin, call);
    page_view view;
    auto total = twin.state.price(of, choice);
    if (!total) {
        view.notice = notice_for(total.error());
        choice = {};
        total = twin.state.price(of, choice);
    }
    view.of = &of;
    view.merchant_name = twin.settings.merchant_name;
    view.key = call.key;
    view.total = of.amount_total.value_or(total ? *total : of.terms.original_amount);
    auto chosen = choice.payment_currency.empty() ? of.terms.original_currency : choice.payment_currency;
    view.currency = of.payment_currency.value_or(chosen);
    view.discount = discount_of(twin, of, choice);
    view.surcharge = twin.settings.surcharge;
    view.promotion_code = choice.promotion_code.value_or(of.terms.promotion_code);
    view.local_currency_name = twin.settings.local.currency;
    view.continue_url = url_after_success(of).value_or("");
    view.can_leave = of.payment != payment_status::paid && url_after_leaving(of).has_value();
    return page_answer(200, render_page(view));
}

std::string digits_of(const std::string& text) {
    std::string digits;
    for (auto c : text)
        if (c >= '0' && c <= '9')
            digits += c;
    return digits;
}

/// Section 8: the sandbox takes one card. Any other is declined, as is the decline button.
bool is_declined(const page_call& call, payment_choice& choice) {
    auto card = digits_of(field(call.form, "card"));
    if (card.size() >= 4)
        choice.card_last_four = card.substr(card.size() - 4);
    if (card.starts_with('5'))
        choice.card_scheme = "Mastercard";
    auto is_card = choice.method.empty() || choice.method == "CARD";
    return call.action == "decline" || (is_card && !card.empty() && card != test_card);
}

http_response pay(core& twin, const page_call& call) {
    auto choice = read_choice(twin, call);
    if (call.of->payment == payment_status::unpaid && is_declined(call, choice)) {
        (void) twin.state.fail(call.of->id, choice, now()); // a refusal shows as the page's own state
        return back_to_page(call, chosen_query(call));
    }
    auto paid = twin.state.pay(call.of->id, choice, now());
    // A second press of the button finds the session paid and is taken to the same place.
    if (!paid && call.of->payment != payment_status::paid)
        return back_to_page(call, chosen_query(call));
    auto next = url_after_success(*call.of);
    return next ? redirect(*next) : back_to_page(call);
}

http_response settle(core& twin, const page_call& call, bool success) {
    auto settled = twin.state.settle(call.of->id, success, {}, now());
    auto next = settled && success ? url_after_success(*call.of) : std::nullopt;
    return next ? redirect(*next) : back_to_page(call);
}

http_response leave(core& twin, const page_call& call) {
    twin.state.leave(call.of->id);
    auto next = url_after_leaving(*call.of);
    return next ? redirect(*next) : back_to_page(call);
}

http_response act(core& twin, const page_call& call) {
    auto choice = read_choice(twin, call);
    if (call.action == "pay" || call.action == "decline")
        return pay(twin, call);
    if (call.action == "settle")
        return settle(twin, call, true);
    if (call.action == "settle-failed")
        return settle(twin, call, false);
    if (call.action == "process")
        (void) twin.state.process(call.of->id, choice, now());
    else if (call.action == "expire")
        (void) twin.state.expire(call.of->id);
    else if (call.action != "apply")
        return page_answer(404, render_unknown_page());
    return back_to_page(call, chosen_query(call));
}

} // namespace

http_response handle_page(core& twin, const http_request& request) {
    twin.state.expire_due(now());
    auto call = read_call(twin, request);
    if (!call)
        return page_answer(404, render_unknown_page());
    if (call->action == "leave")
        return leave(twin, *call);
    if (request.method == "POST")
        return act(twin, *call);
    if (!call->action.empty())
        return back_to_page(*call); // an action's address opened by hand, e.g. after a reload
    return show(twin, *call);
}

} // namespace clink_twin
