// An answer of Clink's: "STATUS PHASE KEY PADDING" (numbers) in the first line, Retry-After in the second,
// then the body. Whatever Clink sends, the report keeps no secret and fits the database, the outcome errs on
// the safe side, and what is kept of the body says the same as the body.
#include "clink/exchange.h"

#include "clink/redaction.h"
#include "clink/wire.h"
#include "domain/decimal.h"
#include "http/text_rules.h"
#include "support/facts_text.h"
#include "support/fuzz_input.h"
#include "support/json_mutator.h"
#include "support/json_walk.h"
#include "support/property.h"
#include "support/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

// One of letters, one that could be a number's token, one that JSON must escape.
constexpr std::array<std::string_view, 3> api_keys{"sk_test_very_secret", "7001700170017001",
                                                   "sk_\"quoted\\\xC3\xA9_key"};
const instant now{1'790'000'000s};
// Near the bound of what is kept; much slower than anything else here.
constexpr std::int64_t least_padding = 65'000;
constexpr std::int64_t most_padding = 66'000;

bool is_page_secret(const std::string& name) {
    constexpr std::array<std::string_view, 6> names{"token",       "tokenvalue",        "url",
                                                    "checkouturl", "hostedcheckouturl", "cancelurl"};
    return std::ranges::find(names, to_lower(name)) != names.end();
}

void check_kept_number(const std::string& token) {
    const auto exponent = token.find_first_of("eE");
    must(token.size() <= 100, "a kept number is short");
    must(exponent == std::string::npos || token.size() - token.find_first_of("0123456789", exponent) <= 3,
         "a kept number's exponent is small");
}

/// The key is looked for in the decoded parts: the text itself may spell it by chance, an escape's digits
/// before digits.
void check_sanitised(const std::string& text, std::string_view api_key) {
    must(text.size() <= max_sanitised_bytes, "what is kept is bounded");
    const auto tree = parse_json(text);
    must(tree.has_value(), "what is kept is JSON");
    for_each_text(*tree, [&](const std::string& part) {
        must(part.find(api_key) == std::string::npos, "no kept text holds the key");
        must(part.find('\0') == std::string::npos, "no kept text holds U+0000");
    });
    for_each_value(*tree, [&](const json_value& value) {
        if (const auto* number = value.if_number()) {
            must(number->token.find(api_key) == std::string::npos, "no kept number holds the key");
            check_kept_number(number->token);
        }
        if (const auto* object = value.if_object())
            for (const auto& member : *object)
                must(!is_page_secret(member.name), "no page's token and no page's address is kept");
    });
}

void check_words(const std::string& words, std::string_view api_key) {
    must(words.size() <= max_message_bytes && decode_utf8(words), "words are bounded and UTF-8");
    must(
        std::ranges::none_of(words, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }),
        "words are one line");
    must(words.find(api_key) == std::string::npos, "words hold no key");
}

void check_report(const exchange_report& report, const transport_result& result, std::string_view api_key) {
    if (report.code)
        check_words(*report.code, api_key);
    if (report.message)
        check_words(*report.message, api_key);
    check_words(report.detail, api_key);
    must(report.detail.empty() == (report.outcome == exchange_outcome::accepted),
         "what is not accepted is explained");
    must(!report.retry_after || (*report.retry_after >= 0s && *report.retry_after <= 24h),
         "a pause is bounded");
    must(report.http_status == result.status, "the status is kept");
    must(report.sanitised_body.empty() == !parse_json(result.body), "a body is kept exactly when it is JSON");
    if (!report.sanitised_body.empty())
        check_sanitised(report.sanitised_body, api_key);
}

bool says_200(const std::string& body) {
    const auto parsed = parse_json(body);
    const auto* code = parsed ? parsed->find("code") : nullptr;
    if (code == nullptr)
        return false;
    const auto text = code->if_number()   ? code->if_number()->token
                      : code->if_string() ? *code->if_string()
                                          : "";
    const auto number = decimal::parse_lenient(text);
    return number && number->to_string() == "200";
}

bool has_code(const std::string& body) {
    const auto parsed = parse_json(body);
    const auto* code = parsed ? parsed->find("code") : nullptr;
    return code != nullptr && (code->if_number() || (code->if_string() && !code->if_string()->empty()));
}

/// What may be done next hangs on the outcome, so each is held to what alone may lead to it.
void check_outcome(const exchange_report& report, const transport_result& result, bool was_read) {
    const bool whole = result.phase == transport_phase::finished && result.status;
    const int status = result.status.value_or(0);
    const bool http_success = whole && status >= 200 && status < 300;
    switch (report.outcome) {
    case exchange_outcome::accepted:
        must(http_success && says_200(result.body) && was_read,
             "accepted: by HTTP, by code and by its content");
        break;
    case exchange_outcome::refused:
        must(whole
                 && ((status >= 400 && status < 500 && status != 408)
                     || (http_success && has_code(result.body) && !says_200(result.body))),
             "refused: by Clink's own whole answer");
        must(report.code.has_value(), "a refusal has a code");
        break;
    case exchange_outcome::never_sent:
        must(result.phase < transport_phase::writing, "never sent: before the first byte");
        break;
    case exchange_outcome::unknown:
        must(result.phase >= transport_phase::writing, "unknown: once a byte was sent");
        break;
    }
}

void check_classification(const transport_result& result, std::string_view api_key) {
    int calls = 0;
    bool read = false;
    const auto report = classify(result,
                                 [&](const json_value& envelope) {
                                     ++calls;
                                     const auto* data = envelope.find("data");
                                     read =
                                         data != nullptr && read_created_session(*data, ui_mode::hosted_page);
                                     return read;
                                 },
                                 {api_key, now});
    must(calls <= 1, "an answer is read once");
    must(report.outcome != exchange_outcome::accepted || calls == 1, "an accepted answer was read");
    check_report(report, result, api_key);
    check_outcome(report, result, read);
}

/// Every reader on the value, as text.
std::string read_everything(const json_value& value) {
    const auto page = read_order_page(value);
    const auto* rows = value.find("rows");
    must(!page || page->orders.empty() || page->orders.size() == rows->if_array()->size(),
         "no row is passed over");
    return text_of(read_session_facts(value)) + text_of(read_order_facts(value))
           + text_of(read_refund_facts(value)) + text_of(read_dispute_facts(value)) + text_of(page);
}

/// The body grown to about as much as is kept at most.
void check_padded(const json_value& body, std::size_t padding, std::string_view api_key) {
    check_sanitised(sanitise_body(json_array{body, std::string(padding, 'x')}, api_key), api_key);
}

std::string read_created(const json_value& value) {
    const auto hosted = read_created_session(value, ui_mode::hosted_page);
    const auto elements = read_created_session(value, ui_mode::elements);
    must(!hosted || (hosted->url && text_of(hosted) == text_of(elements)), "a hosted page has its address");
    return text_of(elements);
}

bool is_kept_whole(const json_value& value, std::string_view api_key) {
    bool whole = true;
    for_each_text(value, [&](const std::string& text) {
        whole = whole && text.find('\0') == std::string::npos && text.find(api_key) == std::string::npos;
    });
    for_each_value(value, [&](const json_value& part) {
        whole = whole && !(part.if_number() && part.if_number()->token.find(api_key) != std::string::npos);
    });
    return whole;
}

void check_readers(const json_value& value, std::string_view api_key) {
    const auto facts = read_everything(value);
    const auto sorted = parse_json(write_canonical_json(value)).value();
    must(read_everything(sorted) == facts, "the order of members is of no matter");
    must(read_created(sorted) == read_created(value), "the order of members is of no matter to a create");
    const auto kept = parse_json(sanitise_body(value, api_key)).value();
    if (is_kept_whole(value, api_key) && !kept.find("omitted"))
        must(read_everything(kept) == facts, "what is kept says what was read");
}

/// An exchange that is finished has a status.
transport_phase phase_of(std::int64_t number, bool has_status) {
    using enum transport_phase;
    constexpr std::array phases{waiting, resolving, connecting, handshaking, writing, reading};
    if (number >= 0 && number < std::ssize(phases))
        return phases[static_cast<std::size_t>(number)];
    return has_status ? finished : reading;
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
    return mutate_json(data, size, max_size, seed, 2);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    auto options = input.line();
    transport_result result;
    const auto status = number_of(take_until(options, ' '));
    if (status >= 100 && status <= 999)
        result.status = static_cast<int>(status);
    result.phase = phase_of(number_of(take_until(options, ' ')), result.status.has_value());
    const auto api_key =
        api_keys[static_cast<std::size_t>(number_of(take_until(options, ' '))) % api_keys.size()];
    const auto padding = number_of(options);
    result.retry_after = input.line();
    result.body = input.rest();

    check_classification(result, api_key);
    const auto body = parse_json(result.body);
    if (!body)
        return 0;
    if (padding >= least_padding && padding <= most_padding)
        check_padded(*body, static_cast<std::size_t>(padding), api_key);
    check_readers(*body, api_key);
    if (const auto* inner = body->find("data"))
        check_readers(*inner, api_key);
    return 0;
}
