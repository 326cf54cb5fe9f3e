// URLs: one in the first line, the name and the value of a parameter to set in the second and third, a
// merchant's order id in the rest. A URL that is accepted must mean the same to Boost.URL, an independent
// reader, as here: a second opinion on the host is how redirects go astray. Setting parameters changes those
// parameters only.
#include "http/url_check.h"

#include "clink/base_url.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "domain/redirect.h"
#include "support/decoded_query.h"
#include "support/fuzz_input.h"
#include "support/property.h"
#include "support/text.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <array>
#include <cstdint>
#include <stdexcept>

using namespace checkout;

namespace {

/// Percent-encodes what this service lets through outside the host and RFC 3986 does not: braces, brackets,
/// and a second '#'.
std::string as_rfc3986(std::string_view text) {
    const auto authority = text.find("//") + 2;
    const auto target = std::min(text.find_first_of("/?#", authority), text.size());
    const auto fragment = std::min(text.find('#', target), text.size());
    std::string strict(text.substr(0, target));
    for (std::size_t i = target; i < text.size(); ++i) {
        const bool foreign = std::string_view("{}[]").find(text[i]) != std::string_view::npos;
        strict += foreign || (text[i] == '#' && i > fragment) ? percent_encode(text.substr(i, 1))
                                                              : std::string(1, text[i]);
    }
    return strict;
}

/// Boost.URL 1.81 takes a name that begins with an address for that address, so such a host cannot be
/// compared.
bool begins_as_address(std::string_view host) {
    return !host.empty() && host.front() >= '0' && host.front() <= '9';
}

void check_second_opinion(std::string_view text, const web_url& url) {
    const auto strict = as_rfc3986(text);
    const auto other = boost::urls::parse_uri(strict);
    must(other.has_value(), "an accepted URL is one of RFC 3986");
    must(other->scheme_id() == (url.https ? boost::urls::scheme::https : boost::urls::scheme::http),
         "same scheme");
    must(!other->has_userinfo(), "no user");
    must(other->has_query() == url.has_query && other->has_fragment() == url.has_fragment, "same parts");
    if (begins_as_address(url.host))
        return;
    const bool is_ipv6 = other->host_type() == boost::urls::host_type::ipv6;
    must(is_ipv6 == (url.host.find(':') != std::string::npos), "same kind of host");
    must(is_ipv6 || to_lower(other->host_address()) == url.host, "same host");
    must(url.port ? other->port_number() == *url.port : other->port().empty(), "same port");
    must(std::string(other->encoded_path()) == as_rfc3986("//" + url.path).substr(2), "same path");
}

/// By RFC 3986's appendix B: what stands between "//" and the next of "/?#" is the authority.
void check_authority(std::string_view text, const web_url& url) {
    auto authority = text.substr(text.find("://") + 3);
    authority = authority.substr(0, authority.find_first_of("/?#"));
    must(authority.find('@') == std::string_view::npos, "no user");
    const auto colon = authority.ends_with(']') ? authority.npos : authority.rfind(':');
    auto host = to_lower(authority.substr(0, colon));
    if (host.starts_with('['))
        host = host.substr(1, host.size() - 2);
    must(host == url.host, "the host is what stands there");
    must(url.port.has_value() == (colon != authority.npos), "the port is what stands there");
    must(!url.port || number_of(authority.substr(colon + 1)) == *url.port, "the port is what stands there");
}

void check_rules(const web_url& url) {
    const bool is_ipv6 = url.host.find(':') != std::string::npos;
    const auto host = is_ipv6 ? "[" + url.host + "]" : url.host;
    const auto port = url.effective_port();
    const auto allows = [&](const std::string& text) {
        const auto rule = parse_host_rule(text);
        return rule && matches_any(url, std::array{*rule});
    };
    must(allows(host), "a rule that names the host lets it pass");
    must(allows(host + ":" + std::to_string(port)), "a rule that names host and port lets them pass");
    must(!allows(host + ":" + std::to_string(port == 1 ? 2 : port - 1)), "a rule of another port does not");
    must(!allows("x" + host) && !allows("sub." + host), "a rule of another host does not");
    must(!matches_any(url, {}), "no rule, no host");
}

void check_accepted(std::string_view text, const web_url& url) {
    must(text.size() <= max_url_bytes, "a URL is bounded");
    must(std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }), "a URL is visible ASCII");
    must(!url.host.empty() && url.effective_port() != 0, "a URL has a host and a port");
    must(url.path.empty() || url.path.front() == '/', "a path begins with '/'");
    check_authority(text, url);
    check_second_opinion(text, url);
    check_rules(url);
}

query_parameters without(query_parameters parameters, std::string_view name) {
    std::erase_if(parameters, [&](const auto& parameter) { return parameter.first == name; });
    return parameters;
}

/// The names that this service sets hold no space, so a '+' in a URL is left for what it is.
void check_setting(std::string_view url, const std::string& name, const std::string& value) {
    if (name.find(' ') != std::string::npos)
        return;
    const query_parameters set{{name, value}};
    const auto result = set_query_parameters(url, set);
    must(set_query_parameters(result, set) == result, "setting twice is setting once");
    must(result.starts_with(url.substr(0, url.find_first_of("?#"))), "what precedes the query stays");
    const auto fragment = std::min(url.find('#'), url.size());
    must(result.ends_with(url.substr(fragment)), "the fragment stays");

    const auto before = parse_query(query_of(url));
    const auto after = parse_query(query_of(result));
    must(before.has_value() == after.has_value(), "setting a parameter repairs and breaks no escape");
    if (!after)
        return;
    must(values_of(*after, name) == std::vector{value}, "the parameter is there once, with its value");
    must(without(*after, name) == without(*before, name), "the other parameters stay in their order");
}

/// A storefront that follows README.md's recipe accepts the redirect.
void check_signed(std::string_view url, const std::string& order_id) {
    static const redirect_signer signer({std::string(32, 'k')});
    static const auto key = redirect_signer::derive_storefront_key(std::string(32, 'k'));
    const auto signed_url = signer.sign_redirect(url, {.order_id = merchant_order_id(order_id),
                                                       .session_id = clink_session_id("sess_1"),
                                                       .status = "paid"});
    const auto query = parse_query(query_of(signed_url));
    if (!query)
        return;
    std::string text;
    for (const auto name : {"merchantOrderId", "sessionId", "status", "ts"}) {
        const auto values = values_of(*query, name);
        must(values.size() == 1, "a storefront finds each value once");
        text += (text.empty() ? "" : "&") + percent_encode(values.front());
    }
    must(values_of(*query, "signature") == std::vector{to_hex(hmac_sha256(key, text))},
         "a storefront can verify");
    must(values_of(*query, "merchantOrderId").front() == order_id, "a storefront finds its order");
}

void check_encoding(const std::string& text) {
    const auto encoded = percent_encode(text);
    const bool plain = std::ranges::all_of(encoded, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
               || std::string_view("-._~%").find(c) != std::string_view::npos;
    });
    must(plain, "encoded text is unreserved characters and escapes");
    must(parse_query("v=" + encoded) == query_parameters{{"v", text}}, "encoded text decodes in a query");
    must(split_path("/a/" + encoded) == std::vector<std::string>{"a", text},
         "encoded text decodes in a path");
}

void check_base_url(std::string_view text) {
    try {
        const auto base = parse_base_url(text);
        must(!base.host.empty() && number_of(base.port) > 0 && number_of(base.port) <= 65'535,
             "Clink is somewhere");
        must(base.path.empty() || (base.path.front() == '/' && base.path.back() != '/'),
             "paths can be appended");
        must(base.host_header.find_first_of("\r\n ") == std::string::npos, "a host header is one line");
    } catch (const std::runtime_error& refused) {
        must(!std::string_view(refused.what()).empty(), "a refused setting is explained");
    }
}

void check_token(std::string_view text) {
    static const redirect_signer signer({std::string(32, 'k')});
    const auto attempt = signer.read_cancel_token(text);
    must(!attempt || signer.make_cancel_token(*attempt) == text, "a token has one spelling");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz_input input(data, size);
    const auto text = input.line();
    const std::string name(input.line());
    const std::string value(input.line());
    const std::string order_id(input.rest());

    if (const auto url = parse_web_url(text)) {
        check_accepted(text, *url);
        check_setting(text, name, value);
        check_signed(text, order_id);
    } else {
        must(!to_string(url.error()).empty(), "every fault has its words");
    }
    check_encoding(value);
    check_token(text);
    check_base_url(text);
    must(!is_loopback_host(text) || text == "localhost" || text == "::1" || text.starts_with("127."),
         "loopback is one of three forms");
    must(!is_listen_address(text) || text.find(':') != std::string_view::npos, "a listen address has a port");
    return 0;
}
