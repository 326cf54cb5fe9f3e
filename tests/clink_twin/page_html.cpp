#include "page_html.h"

#include "html_text.h"
#include "money.h"

#include <algorithm>
#include <array>

namespace clink_twin {

namespace {

struct method_row {
    std::string_view name;
    std::string_view label;
};

constexpr std::array methods = {method_row{"CARD", "Card"},
                                method_row{"PAYPAL", "PayPal"},
                                method_row{"APPLEPAY", "Apple Pay"},
                                method_row{"GOOGLEPAY", "Google Pay"},
                                method_row{"CASHAPP", "Cash App Pay"},
                                method_row{"WECHAT", "WeChat Pay"},
                                method_row{"ALIPAY", "Alipay"},
                                method_row{"KAKAO", "KakaoPay"},
                                method_row{"PIX", "Pix"},
                                method_row{"UPI", "UPI"},
                                method_row{"QRIS", "QRIS"},
                                method_row{"GCASH", "GCash"}};
constexpr std::array usual_methods = {std::string_view("CARD"), std::string_view("PAYPAL"),
                                      std::string_view("GOOGLEPAY")};

enum class page_state { open, failed, processing, paid, expired };

page_state state_of(const session& of) {
    if (of.payment == payment_status::paid)
        return page_state::paid;
    if (of.payment == payment_status::processing)
        return page_state::processing;
    if (of.status == session_status::expired)
        return page_state::expired;
    return of.last_failure.empty() ? page_state::open : page_state::failed;
}

std::string_view name_of(page_state state) {
    switch (state) {
    case page_state::open:
        return "open";
    case page_state::failed:
        return "failed";
    case page_state::processing:
        return "processing";
    case page_state::paid:
        return "paid";
    case page_state::expired:
        return "expired";
    }
    return {};
}

std::string money(const decimal& amount, const std::string& currency) {
    return format_amount(amount, currency) + " " + currency;
}

std::string minutes_of(instant at) {
    return checkout::to_rfc3339(at).substr(11, 5) + " UTC";
}

std::string initial_of(const std::string& name) {
    std::size_t length = 1;
    while (length < name.size() && (static_cast<unsigned char>(name[length]) & 0xC0U) == 0x80U)
        ++length; // the rest of a UTF-8 character
    return name.substr(0, length);
}

std::string render_item(const line_item& item, const std::string& currency) {
    auto line = decimal::multiply(item.unit_amount, item.quantity).value_or(item.unit_amount);
    auto each = item.quantity == 1 ? std::string()
                                   : fill("<small>{quantity} × {unit}</small>",
                                          {{"quantity", std::to_string(item.quantity)},
                                           {"unit", money(item.unit_amount, currency)}});
    return fill("<li><span>{name}{!each}</span><span>{line}</span></li>\n",
                {{"name", item.name}, {"!each", each}, {"line", money(line, currency)}});
}

std::string render_items(const session_terms& terms) {
    std::string rows;
    if (terms.items)
        for (auto& item : *terms.items)
            rows += render_item(item, terms.original_currency);
    else
        rows = fill("<li><span>{name}</span><span>{line}</span></li>\n",
                    {{"name", terms.product_id ? "Product " + *terms.product_id : std::string("Your order")},
                     {"line", money(terms.original_amount, terms.original_currency)}});
    return "<ul class=\"items\" aria-label=\"Order\">\n" + rows + "</ul>\n";
}

std::string sum_row(std::string_view kind, const std::string& label, const std::string& value) {
    return fill("<div class=\"{kind}\"><dt>{label}</dt><dd>{value}</dd></div>\n",
                {{"kind", std::string(kind)}, {"label", label}, {"value", value}});
}

std::string render_sums(const page_view& view) {
    auto& terms = view.of->terms;
    auto rows = sum_row("", "Subtotal", money(terms.original_amount, terms.original_currency));
    if (!view.discount.is_zero())
        rows += sum_row("", "Discount", "−" + money(view.discount, terms.original_currency));
    if (!view.surcharge.is_zero())
        rows += sum_row("", "Surcharge", money(view.surcharge, view.currency));
    auto is_paid = view.of->payment == payment_status::paid;
    rows += sum_row("due", is_paid ? "Total paid" : "Total due", money(view.total, view.currency));
    return "<dl class=\"sums\">\n" + rows + "</dl>\n";
}

std::string render_side(const page_view& view) {
    auto leave = view.can_leave ? fill("<p class=\"leave\"><a id=\"leave-link\" data-testid=\"leave-link\" "
                                       "href=\"{key}/leave\">← Back to {merchant}</a></p>\n",
                                       {{"key", view.key}, {"merchant", view.merchant_name}})
                                : std::string();
    auto& reference = view.of->terms.merchant_reference_id;
    return fill(R"(<header class="side">
{!leave}<div class="merchant"><span class="mark" aria-hidden="true">{initial}</span>
<strong>{merchant}</strong>
<span class="test">Test mode</span></div>
<div><p class="label">{label} {merchant}</p>
<p class="amount" id="amount" data-testid="amount" data-amount="{raw}"
data-currency="{currency}">{amount} <span>{currency}</span></p></div>
{!items}{!sums}<p class="fine">{reference}</p>
</header>
)",
                {{"!leave", leave},
                 {"initial", initial_of(view.merchant_name)},
                 {"merchant", view.merchant_name},
                 {"label", view.of->payment == payment_status::paid ? "Paid to" : "Pay"},
                 {"raw", view.total.to_string()},
                 {"amount", format_amount(view.total, view.currency)},
                 {"currency", view.currency},
                 {"!items", render_items(view.of->terms)},
                 {"!sums", render_sums(view)},
                 {"reference", reference ? "Reference " + *reference : std::string()}});
}

std::string status_text(const page_view& view, page_state state) {
    switch (state) {
    case page_state::open:
        return "This page is valid until " + minutes_of(view.of->expires) + ".";
    case page_state::failed:
        return view.of->last_failure + " You have not been charged; try again or use another method.";
    case page_state::processing:
        return "Your payment is being processed. You will not be charged twice.";
    case page_state::paid:
        return "Your payment of " + money(view.total, view.currency) + " was received.";
    case page_state::expired:
        return "This page has expired and takes no payment any more.";
    }
    return {};
}

std::string render_status(const page_view& view, page_state state) {
    auto status = fill("<p class=\"status\" id=\"status\" data-testid=\"status\" data-status=\"{name}\" "
                       "role=\"{role}\">{text}</p>\n",
                       {{"name", std::string(name_of(state))},
                        {"role", state == page_state::failed ? "alert" : "status"},
                        {"text", status_text(view, state)}});
    if (!view.notice.empty())
        status += "<p class=\"notice\" role=\"alert\">" + escape_html(view.notice) + "</p>\n";
    return status;
}

bool is_offered(const session_terms& terms, std::string_view name) {
    if (std::ranges::find(terms.hidden_methods, name) != terms.hidden_methods.end())
        return false;
    return name == terms.payment_method_type || std::ranges::find(usual_methods, name) != usual_methods.end();
}

std::string render_methods(const session_terms& terms) {
    std::string rows;
    auto checked = terms.payment_method_type.empty() ? std::string_view("CARD") : terms.payment_method_type;
    if (!is_offered(terms, checked))
        checked = {}; // a hidden default: the first one offered is as good
    for (auto& [name, label] : methods) {
        if (!is_offered(terms, name))
            continue;
        if (checked.empty())
            checked = name;
        rows +=
            fill("<label><input type=\"radio\" name=\"method\" value=\"{name}\"{checked}> {label}</label>\n",
                 {{"name", std::string(name)},
                  {"checked", name == checked ? " checked" : ""},
                  {"label", std::string(label)}});
    }
    return "<fieldset class=\"stack\"><legend>Payment method</legend>\n<div class=\"methods\">\n" + rows
           + "</div></fieldset>\n";
}

std::string render_card_fields() {
    return R"(<fieldset class="card"><legend>Card details</legend>
<div class="stack wide"><label class="over" for="card">Card number</label>
<input type="text" id="card" name="card" inputmode="numeric" autocomplete="cc-number"
value="4242 4242 4242 4242"></div>
<div class="stack"><label class="over" for="card-expiry">Expiry</label>
<input type="text" id="card-expiry" name="card-expiry" autocomplete="cc-exp" value="12 / 34"></div>
<div class="stack"><label class="over" for="card-code">Security code</label>
<input type="text" id="card-code" name="card-code" inputmode="numeric" autocomplete="cc-csc"
value="123"></div>
</fieldset>
)";
}

/// A plain button that posts its form to another action of the page.
std::string render_action(const page_view& view, const std::string& action, const std::string& label) {
    return fill("<button class=\"plain\" id=\"{action}-button\" data-testid=\"{action}-button\" "
                "formaction=\"{key}/{action}\">{label}</button>\n",
                {{"action", action}, {"key", view.key}, {"label", label}});
}

std::string render_promotion(const page_view& view) {
    if (!view.of->terms.allow_promotion_codes || !view.of->terms.show_promotion_code)
        return {};
    return fill(R"(<div class="stack"><label class="over" for="code">Promotion code</label>
<div class="promo"><input type="text" id="code" name="code" autocomplete="off" value="{code}">
{!apply}</div></div>
)",
                {{"code", view.promotion_code}, {"!apply", render_action(view, "apply", "Apply")}});
}

std::string render_currency_choice(const page_view& view) {
    auto& own = view.of->terms.original_currency;
    auto& local = view.local_currency_name;
    if (local.empty() || local == own)
        return {};
    auto is_local = view.currency == local;
    return fill(R"(<div class="stack"><label class="over" for="currency">Pay in</label>
<div class="promo"><select id="currency" name="currency"><option value="{own}"{own_chosen}>{own}</option>
<option value="{local}"{local_chosen}>{local}</option></select>
<button class="plain" formaction="{key}/apply">Convert</button></div></div>
)",
                {{"own", own},
                 {"own_chosen", is_local ? "" : " selected"},
                 {"local", local},
                 {"local_chosen", is_local ? " selected" : ""},
                 {"key", view.key}});
}

std::string render_email(const session& of) {
    if (of.customer_email.empty())
        return {};
    return fill(R"(<div class="stack"><label class="over" for="email">E-mail</label>
<input type="email" id="email" data-testid="email" value="{email}" readonly></div>
)",
                {{"email", of.customer_email}});
}

std::string render_form(const page_view& view) {
    // The Enter key presses a form's first submit button: the hidden one pays, where Apply would come first.
    return fill(R"(<form method="post" action="{key}/pay">
<button hidden></button>
{!email}{!methods}{!card}{!currency}{!promotion}
<button class="primary" id="pay-button" data-testid="pay-button">Pay {total}</button>
<details open><summary>Test controls</summary>
<div class="controls">
{!decline}{!process}{!expire}</div></details>
</form>
)",
                {{"key", view.key},
                 {"!email", render_email(*view.of)},
                 {"!methods", render_methods(view.of->terms)},
                 {"!card", is_offered(view.of->terms, "CARD") ? render_card_fields() : std::string()},
                 {"!currency", render_currency_choice(view)},
                 {"!promotion", render_promotion(view)},
                 {"!decline", render_action(view, "decline", "Decline this card")},
                 {"!process", render_action(view, "process", "Pay later (processing)")},
                 {"!expire", render_action(view, "expire", "Let it expire")},
                 {"total", money(view.total, view.currency)}});
}

std::string render_settling(const page_view& view) {
    return fill(R"(<form method="post" action="{key}/settle">
<details open><summary>Test controls</summary>
<div class="controls">
{!succeed}{!fail}</div></details>
</form>
)",
                {{"key", view.key},
                 {"!succeed", render_action(view, "settle", "Let the payment succeed")},
                 {"!fail", render_action(view, "settle-failed", "Let the payment fail")}});
}

std::string render_continue(const page_view& view) {
    if (view.continue_url.empty())
        return {};
    return fill("<a class=\"button primary\" id=\"continue-link\" data-testid=\"continue-link\" "
                "href=\"{url}\">Continue to {merchant}</a>\n",
                {{"url", view.continue_url}, {"merchant", view.merchant_name}});
}

std::string render_sign(page_state state) {
    auto* path = state == page_state::paid ? "M5 12.5l4.5 4.5L19 7.5"
                                           : "M12 6.5V12l3.5 2.5M12 3a9 9 0 100 18 9 9 0 000-18z";
    return fill(
        "<span class=\"sign {name}\" aria-hidden=\"true\"><svg viewBox=\"0 0 24 24\"><path d=\"{path}\"/>"
        "</svg></span>\n",
        {{"name", std::string(name_of(state))}, {"path", path}});
}

std::string title_of(page_state state) {
    switch (state) {
    case page_state::open:
    case page_state::failed:
        return "Payment details";
    case page_state::processing:
        return "Payment under way";
    case page_state::paid:
        return "Payment received";
    case page_state::expired:
        return "This checkout has expired";
    }
    return {};
}

std::string render_main(const page_view& view, page_state state) {
    auto is_open = state == page_state::open || state == page_state::failed;
    auto body = "<div class=\"" + std::string(is_open ? "head" : "done") + "\">"
                + (is_open ? std::string() : render_sign(state)) + "<h1>" + title_of(state) + "</h1>\n"
                + render_status(view, state)
                + (state == page_state::paid || state == page_state::processing ? render_continue(view) : "")
                + "</div>\n";
    if (is_open)
        body += render_form(view);
    if (state == page_state::processing)
        body += render_settling(view);
    return "<main class=\"main\">\n" + body
           + "<p class=\"fine foot\">A stand-in for Clink. No real card is charged here.</p>\n</main>\n";
}

} // namespace

std::string render_page(const page_view& view) {
    auto state = state_of(*view.of);
    return html_document(view.merchant_name + " · Checkout", page_style(),
                         "<div class=\"page\">\n" + render_side(view) + render_main(view, state) + "</div>");
}

std::string render_unknown_page() {
    return html_document("Checkout", page_style(), R"(<main class="alone"><div>
<h1 id="status" data-testid="status" data-status="unknown">This checkout link is not valid</h1>
<p class="fine">Go back to the shop and start the payment again.</p></div></main>)");
}

} // namespace clink_twin
