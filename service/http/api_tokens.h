// The bearer tokens of the API: who a caller is and what it may do. Knows SHA-256 digests only, so that
// neither memory nor configuration holds a token, and never quotes an entry that it could not read.
#pragma once

#include "crypto/digest.h"
#include "http/watched_file.h"

#include <boost/system/result.hpp>

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

enum class api_scope : unsigned char { storefront = 1, finance = 2, operations = 4 };

std::string_view to_string(api_scope scope); ///< "storefront", "finance", "operator"
std::optional<api_scope> find_api_scope(std::string_view text);

class scope_set {
public:
    constexpr scope_set() = default;
    constexpr scope_set(std::initializer_list<api_scope> scopes) {
        for (const auto scope : scopes)
            add(scope);
    }

    constexpr void add(api_scope scope) {
        bits_ = static_cast<unsigned char>(bits_ | static_cast<unsigned char>(scope));
    }
    constexpr bool contains(api_scope scope) const {
        return (bits_ & static_cast<unsigned char>(scope)) != 0;
    }
    constexpr bool contains_any_of(scope_set others) const { return (bits_ & others.bits_) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr bool operator==(const scope_set&) const = default;

private:
    unsigned char bits_ = 0;
};

struct api_token {
    std::string name; ///< 1 to 64 of A-Z a-z 0-9 . _ -, fit for a log
    scope_set scopes; ///< never empty
    sha256_digest digest;
};

/// Every presented token is compared with every entry, so there is a limit.
inline constexpr std::size_t max_api_tokens = 1000;

/// What is wrong with a token list, one sentence for each entry, by its line and place, quoting none of it.
struct token_list_error {
    std::vector<std::string> problems;
};

/// Entries `name:scope+scope:sha256hex`, separated by commas or line ends; blank ones and lines that begin
/// with '#' are skipped. Refuses an empty list and a name or a digest that comes twice.
boost::system::result<std::vector<api_token>, token_list_error> parse_api_tokens(std::string_view text);

/// The token of an `Authorization` header's value, scheme in any case; nothing for another scheme or an empty
/// token.
std::optional<std::string_view> parse_bearer(std::string_view authorization);

struct api_identity {
    std::string name;
    scope_set scopes;
};

/// Used on the I/O thread only.
class token_registry {
public:
    using clock = watched_file::clock;

    explicit token_registry(std::vector<api_token> tokens);
    /// Reads the file now, throwing std::runtime_error when it cannot be used, and again whenever it changes.
    explicit token_registry(const std::string& file);

    /// Who presented `token`. The time taken does not depend on which entry matches, or whether one does.
    /// Looks at the file first (file_watch): a changed one replaces the list; one that cannot be used leaves
    /// it as it is and is logged once (`api_tokens_not_reloaded`).
    std::optional<api_identity> find(std::string_view token, clock::time_point now = clock::now());

private:
    void reload_if_changed(clock::time_point now);

    std::vector<api_token> tokens_;
    std::optional<watched_file> file_;
};

} // namespace checkout
