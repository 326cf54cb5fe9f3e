// The head of a request and of a response: "METHOD TARGET 1.1", then header lines "Name: value" up to an
// empty one, then a body. A request that is let through has one host and one length; a response that is sent
// is exactly the headers that it was given.
#include "http/framing.h"

#include "support/fuzz_input.h"
#include "support/property.h"
#include "support/text.h"

#include <algorithm>
#include <cstdint>

using namespace checkout;

namespace {

constexpr std::string_view date = "Sat, 21 Nov 2026 08:53:53 GMT";

std::vector<std::string> values_of(const std::vector<http_header>& headers, std::string_view name) {
    std::vector<std::string> values;
    for (const auto& [key, value] : headers)
        if (to_lower(key) == to_lower(name))
            values.push_back(value);
    return values;
}

void check_request(const http_request& request, bool http_1_0) {
    for (const auto& [name, value] : request.headers)
        must(request.header(to_lower(name)) == values_of(request.headers, name).front(),
             "the first header of a name");
    if (!is_unambiguous(request, http_1_0))
        return;
    must(std::ranges::all_of(request.target, [](char c) { return c > ' ' && c <= '~' && c != '#'; }),
         "a target is visible ASCII without a fragment");
    must(request.path.starts_with('/') || request.target == "*", "a path begins with '/'");
    const auto lengths = values_of(request.headers, "content-length");
    const auto codings = values_of(request.headers, "transfer-encoding");
    must(lengths.size() + codings.size() <= 1, "a body's length is given once");
    must(lengths.empty()
             || (!lengths[0].empty() && lengths[0].find_first_not_of("0123456789") == std::string::npos),
         "a length is digits");
    must(codings.empty() || (to_lower(codings[0]) == "chunked" && !http_1_0), "the one coding is chunked");
    const auto hosts = values_of(request.headers, "host").size();
    must(hosts == 1 || (http_1_0 && hosts == 0), "there is one host");
}

/// The head's lines without the status line; each must be one header.
std::vector<http_header> headers_of(std::string_view head) {
    must(head.ends_with("\r\n\r\n") && head.find("\r\n\r\n") == head.size() - 4,
         "a head ends once, at its end");
    head.remove_suffix(2);
    std::vector<http_header> headers;
    for (head.remove_prefix(head.find("\r\n") + 2); !head.empty();
         head.remove_prefix(head.find("\r\n") + 2)) {
        const auto line = head.substr(0, head.find("\r\n"));
        const auto colon = line.find(": ");
        must(colon != std::string_view::npos, "a line of a head is a header");
        headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    return headers;
}

bool is_framing(const http_header& header) {
    const auto name = to_lower(header.first);
    return name == "content-length" || name == "connection" || name == "date" || name == "transfer-encoding";
}

void check_response(const http_response& response, const response_framing& framing) {
    if (!is_sendable(response))
        return;
    const auto head = response_head(response, framing);
    must(head.starts_with("HTTP/1.1 " + std::to_string(response.status) + " "), "the status comes first");
    auto sent = headers_of(head);
    const bool has_length = response.status != 204 && response.status != 304;
    must(values_of(sent, "content-length")
             == (has_length ? std::vector{std::to_string(response.body.size())} : std::vector<std::string>()),
         "a response has its body's length once");
    must(values_of(sent, "date") == std::vector{std::string(date)}, "a response has one date");
    must(values_of(sent, "transfer-encoding").empty(), "a response is not chunked");
    must(values_of(sent, "connection").size() == (framing.close || framing.http_1_0 ? 1 : 0),
         "Connection is ours");
    must(carries_body(response, framing) == (has_length && !framing.answers_head),
         "a body follows its length");

    auto given = response.headers;
    std::erase_if(given, is_framing);
    std::erase_if(sent, is_framing);
    must(sent == given, "every other header is sent as it was given, and nothing else is");
}

std::vector<http_header> read_headers(fuzz_input& input) {
    std::vector<http_header> headers;
    for (auto line = input.line(); !line.empty(); line = input.line()) {
        const auto colon = std::min(line.find(": "), line.size());
        headers.emplace_back(line.substr(0, colon), line.substr(std::min(colon + 2, line.size())));
    }
    return headers;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    auto line = input.line();
    http_request request;
    request.method = take_until(line, ' ');
    set_target(request, take_until(line, ' '));
    const bool http_1_0 = line == "1.0";
    request.headers = read_headers(input);
    check_request(request, http_1_0);
    expects_continue(request);

    http_response response;
    response.status = static_cast<unsigned>(200 + size % 401);
    response.headers = request.headers;
    response.body = input.rest();
    check_response(response, {.answers_head = request.method == "HEAD",
                              .http_1_0 = http_1_0,
                              .close = request.target == "*",
                              .date = date});
    response.set(request.method, request.target);
    must(values_of(response.headers, request.method) == std::vector{request.target},
         "a header that is set is there once");
    return 0;
}
