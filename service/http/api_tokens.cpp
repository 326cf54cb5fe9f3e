#include "http/api_tokens.h"

#include "observe/log.h"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <utility>

namespace checkout {

namespace {

using namespace std::string_view_literals;

constexpr std::array scopes{
    std::pair(api_scope::storefront, "storefront"sv),
    std::pair(api_scope::finance, "finance"sv),
    std::pair(api_scope::operations, "operator"sv),
};
constexpr std::size_t max_name_bytes = 64;

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= max_name_bytes && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.'
               || c == '_' || c == '-';
    });
}

/// What is before the first `separator`, which is taken off `rest` with it.
std::string_view take_until(std::string_view& rest, char separator) {
    const auto part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    return part;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? ""
                                           : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::optional<scope_set> parse_scopes(std::string_view text) {
    scope_set set;
    for (bool more = true; more;) {
        more = text.find('+') != std::string_view::npos;
        const auto scope = find_api_scope(take_until(text, '+'));
        if (!scope)
            return std::nullopt;
        set.add(*scope);
    }
    return set;
}

std::optional<sha256_digest> parse_digest(std::string_view hex) {
    const auto bytes = from_hex(hex);
    sha256_digest digest;
    if (!bytes || bytes->size() != digest.size())
        return std::nullopt;
    std::ranges::transform(*bytes, digest.begin(), [](char c) { return static_cast<unsigned char>(c); });
    return digest;
}

using entry_result = boost::system::result<api_token, std::string_view>;

entry_result parse_entry(std::string_view entry) {
    if (std::ranges::count(entry, ':') != 2)
        return "is not name:scope+scope:sha256hex"sv;
    const auto name = take_until(entry, ':');
    if (!is_name(name))
        return "has a name that is not 1 to 64 of A-Z a-z 0-9 . _ -"sv;
    const auto scope_text = take_until(entry, ':');
    const auto parsed_scopes = parse_scopes(scope_text);
    if (!parsed_scopes)
        return "has scopes that are not storefront, finance or operator, joined by +"sv;
    const auto digest = parse_digest(entry);
    if (!digest)
        return "has a digest that is not 64 hex digits"sv;
    return api_token{std::string(name), *parsed_scopes, *digest};
}

/// Gathers tokens and problems entry by entry.
class token_list {
public:
    void add(std::string_view entry, std::string_view where) {
        auto token = parse_entry(entry);
        if (!token)
            problems_.push_back(std::string(where) + " " + std::string(token.error()));
        else if (!names_.insert(token->name).second)
            problems_.push_back(std::string(where) + " has a name that an entry before it has");
        else if (!digests_.insert(token->digest).second)
            problems_.push_back(std::string(where) + " has a digest that an entry before it has");
        else
            tokens_.push_back(std::move(*token));
    }

    boost::system::result<std::vector<api_token>, token_list_error> finish() && {
        if (tokens_.empty() && problems_.empty())
            problems_.push_back("there is no entry");
        if (tokens_.size() > max_api_tokens)
            problems_.push_back("there are more than " + std::to_string(max_api_tokens) + " entries");
        if (!problems_.empty())
            return token_list_error{std::move(problems_)};
        return std::move(tokens_);
    }

private:
    std::vector<api_token> tokens_;
    std::vector<std::string> problems_;
    std::set<std::string, std::less<>> names_;
    std::set<sha256_digest> digests_;
};

std::string join(const std::vector<std::string>& sentences) {
    std::string text;
    for (const auto& sentence : sentences)
        text += (text.empty() ? "" : "; ") + sentence;
    return text;
}

/// The file's tokens, or a sentence on why there are none.
boost::system::result<std::vector<api_token>, std::string>
parse_token_file(const boost::system::result<std::string>& bytes) {
    if (!bytes)
        return "cannot be read: " + bytes.error().message();
    auto tokens = parse_api_tokens(*bytes);
    if (!tokens)
        return join(tokens.error().problems);
    return std::move(*tokens);
}

std::string_view as_text(const sha256_digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

} // namespace

std::string_view to_string(api_scope scope) {
    return std::ranges::find(scopes, scope, &decltype(scopes)::value_type::first)->second;
}

std::optional<api_scope> find_api_scope(std::string_view text) {
    const auto found = std::ranges::find(scopes, text, &decltype(scopes)::value_type::second);
    return found == scopes.end() ? std::nullopt : std::optional(found->first);
}

boost::system::result<std::vector<api_token>, token_list_error> parse_api_tokens(std::string_view text) {
    token_list list;
    for (int line_number = 1; !text.empty(); ++line_number) {
        auto line = trim(take_until(text, '\n'));
        if (line.starts_with('#'))
            continue;
        for (int place = 1; !line.empty(); ++place)
            if (const auto entry = trim(take_until(line, ',')); !entry.empty())
                list.add(entry, "line " + std::to_string(line_number) + ", entry " + std::to_string(place));
    }
    return std::move(list).finish();
}

std::optional<std::string_view> parse_bearer(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer";
    authorization = trim(authorization);
    const auto named = take_until(authorization, ' ');
    const auto token = trim(authorization);
    const bool is_bearer = std::ranges::equal(named, scheme, {}, [](char c) { return c | 0x20; });
    return is_bearer && !token.empty() ? std::optional(token) : std::nullopt;
}

token_registry::token_registry(std::vector<api_token> tokens) : tokens_(std::move(tokens)) {}

token_registry::token_registry(const std::string& file) : file_(file) {
    auto tokens = parse_token_file(file_->read());
    if (!tokens)
        throw std::runtime_error("API_TOKENS_FILE: " + tokens.error());
    tokens_ = std::move(*tokens);
}

std::optional<api_identity> token_registry::find(std::string_view token, clock::time_point now) {
    reload_if_changed(now);
    const auto digest = sha256(token);
    const api_token* match = nullptr;
    for (const auto& entry : tokens_)
        if (equal_in_constant_time(as_text(digest), as_text(entry.digest)))
            match = &entry;
    return match ? std::optional(api_identity{match->name, match->scopes}) : std::nullopt;
}

void token_registry::reload_if_changed(clock::time_point now) {
    const auto bytes = file_ ? file_->poll(now) : std::nullopt;
    if (!bytes)
        return;
    auto tokens = parse_token_file(*bytes);
    if (!tokens) {
        write_log(log_level::error, "api_tokens_not_reloaded", {{"detail", tokens.error()}});
        return;
    }
    tokens_ = std::move(*tokens);
    write_log(log_level::info, "api_tokens_reloaded",
              {{"count", static_cast<std::uint64_t>(tokens_.size())}});
}

} // namespace checkout
