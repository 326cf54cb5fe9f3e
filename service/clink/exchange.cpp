#include "clink/exchange.h"

#include "clink/redaction.h"
#include "domain/decimal.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace checkout {
namespace {

using std::chrono::seconds;

// A Retry-After longer than this is read as this.
constexpr seconds longest_retry_after = std::chrono::days{1};

struct envelope {
    std::optional<json_value> body; // nothing when the body is not JSON
    std::optional<std::string> code;
    std::optional<std::string> message;
};

struct classification {
    exchange_outcome outcome;
    std::string detail;
};

bool is_success(int status) {
    return status >= 200 && status < 300;
}

std::optional<std::string> keep_if_filled(std::string text) {
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::optional<std::string> find_code(const json_value& body) {
    const auto* code = body.find("code");
    if (!code)
        return std::nullopt;
    if (const auto* number = code->if_number())
        return number->token;
    if (const auto* text = code->if_string())
        return keep_if_filled(*text);
    return std::nullopt;
}

// A bare JSON string counts as a message: that is what a 401 is declared to hold (clink-api.md 1.5).
std::optional<std::string> find_message(const json_value& body, std::string_view api_key) {
    for (const auto* value : {&body, body.find("msg"), body.find("message")})
        if (const auto* text = value ? value->if_string() : nullptr)
            if (auto message = clean_message(*text, api_key); !message.empty())
                return message;
    return std::nullopt;
}

// Broken JSON is no message: it may hold a page token, which nothing could take out of it.
std::optional<std::string> find_bare_message(std::string_view body, std::string_view api_key) {
    const auto first = body.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || body[first] == '{' || body[first] == '[')
        return std::nullopt;
    return keep_if_filled(clean_message(body, api_key));
}

envelope read_envelope(const transport_result& result, std::string_view api_key) {
    envelope read;
    if (auto body = parse_json(result.body)) {
        read.code = find_code(*body);
        read.message = find_message(*body, api_key);
        read.body = std::move(*body);
    } else if (result.status && !is_success(*result.status)) {
        read.message = find_bare_message(result.body, api_key);
    }
    return read;
}

bool says_success(std::string_view code) {
    const auto number = decimal::parse_lenient(code);
    return number && *number == decimal::from_integer(200);
}

/// A body's code as the HTTP status that it mirrors (clink-api.md 1.4); 0 when it is none.
int read_status(std::string_view code) {
    int status = 0;
    const auto [end, error] = std::from_chars(code.data(), code.data() + code.size(), status);
    const bool is_status =
        error == std::errc{} && end == code.data() + code.size() && status >= 100 && status < 600;
    return is_status ? status : 0;
}

std::string describe_end(const transport_result& result) {
    const auto cause = result.error.message();
    switch (result.phase) {
    case transport_phase::waiting:
        return "no connection became free in time";
    case transport_phase::resolving:
        return "the host's name could not be resolved: " + cause;
    case transport_phase::connecting:
        return "no connection could be made: " + cause;
    case transport_phase::handshaking:
        return "no TLS session could be made: " + cause;
    case transport_phase::writing:
        return "the connection failed while the request was being sent: " + cause;
    case transport_phase::reading:
        return "the request was sent and no whole answer came: " + cause;
    case transport_phase::finished:
        break;
    }
    return {};
}

// What may be done next hangs on this function and on no other: `refused` only when Clink's own answer says
// that it did not act, `never_sent` only when nothing was given to a socket, `unknown` for all the rest.
classification judge(const transport_result& result, const envelope& answer,
                     const answer_reader& read_answer) {
    if (result.phase < transport_phase::writing)
        return {exchange_outcome::never_sent, describe_end(result)};
    if (result.phase != transport_phase::finished || !result.status)
        return {exchange_outcome::unknown, describe_end(result)};

    const auto http = "HTTP " + std::to_string(*result.status);
    if (*result.status >= 500 || *result.status == 408)
        return {exchange_outcome::unknown, http + " leaves open whether Clink acted"};
    if (*result.status >= 400)
        return {exchange_outcome::refused, "Clink refused with " + http};
    if (!is_success(*result.status))
        return {exchange_outcome::unknown, http + " is no answer to the request"};

    if (!answer.body)
        return {exchange_outcome::unknown, http + " with a body that is not JSON"};
    if (!answer.code)
        return {exchange_outcome::unknown, http + " with a body that holds no code"};
    if (!says_success(*answer.code))
        return {exchange_outcome::refused, "Clink refused with code " + *answer.code};
    if (!read_answer(*answer.body))
        return {exchange_outcome::unknown, http + " with a body that lacks what was asked for"};
    return {exchange_outcome::accepted, {}};
}

std::optional<seconds> parse_seconds(std::string_view text) {
    long long count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{} || end != text.data() + text.size() || count < 0)
        return std::nullopt;
    return seconds{std::min<long long>(count, longest_retry_after.count())};
}

// RFC 9110 5.6.7, the one form that may be generated: "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::chrono::sys_seconds> parse_http_date(const std::string& text) {
    std::tm fields{};
    const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &fields);
    if (!end || *end != '\0')
        return std::nullopt;
    return std::chrono::sys_seconds{seconds{timegm(&fields)}};
}

std::optional<seconds> parse_retry_after(const std::string& text, instant now) {
    if (const auto count = parse_seconds(text))
        return count;
    const auto date = parse_http_date(text);
    if (!date)
        return std::nullopt;
    return std::clamp(std::chrono::ceil<seconds>(*date - now), seconds{0}, longest_retry_after);
}

} // namespace

int said_status(const exchange_report& report) {
    const int status = report.http_status.value_or(0);
    return is_success(status) ? read_status(report.code.value_or("")) : status;
}

std::string_view to_string(exchange_outcome outcome) {
    switch (outcome) {
    case exchange_outcome::accepted:
        return "accepted";
    case exchange_outcome::refused:
        return "refused";
    case exchange_outcome::never_sent:
        return "never_sent";
    case exchange_outcome::unknown:
        return "unknown";
    }
    return {};
}

exchange_report classify(const transport_result& result, const answer_reader& read_answer,
                         const classification_context& context) {
    auto answer = read_envelope(result, context.api_key);
    auto [outcome, detail] = judge(result, answer, read_answer);

    exchange_report report;
    report.outcome = outcome;
    report.http_status = result.status;
    report.message = std::move(answer.message);
    report.detail = clean_message(detail, context.api_key);
    report.retry_after = parse_retry_after(result.retry_after, context.now);
    if (answer.code)
        report.code = clean_message(*answer.code, context.api_key);
    else if (outcome == exchange_outcome::refused)
        report.code = std::to_string(*result.status);
    if (answer.body)
        report.sanitised_body = sanitise_body(*answer.body, context.api_key);
    return report;
}

} // namespace checkout
