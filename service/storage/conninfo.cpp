#include "storage/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <map>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string_view>

namespace checkout {

namespace {

using conninfo_options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

/// Null when libpq cannot read it.
conninfo_options parse(const std::string& url) {
    return {PQconninfoParse(url.c_str(), nullptr), &PQconninfoFree};
}

/// Each of a comma-separated list.
template <class Check>
bool all_of_list(std::string_view list, Check check) {
    return std::ranges::all_of(std::views::split(list, ','),
                               [&](auto each) { return check(std::string_view(each.begin(), each.end())); });
}

/// A name, an address, or a directory of sockets.
bool may_be_host(std::string_view host) {
    const bool is_path = host.starts_with('/') || host.starts_with('@');
    return is_path || host.find_first_of("@/#? ") == std::string_view::npos;
}

bool may_be_port(std::string_view port) {
    return port.find_first_not_of("0123456789") == std::string_view::npos;
}

/// A URI's path holds an '@' that is not escaped: it is what a password was cut off at.
bool has_stray_at(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos
        || url.substr(0, scheme).find_first_of("= ") != std::string_view::npos)
        return false;
    const auto path = url.find('/', scheme + 3);
    const auto query = url.find('?', scheme + 3);
    return path < query && url.substr(path, query - path).find('@') != std::string_view::npos;
}

std::string quoted(const char* value) {
    std::string text = "'";
    for (; *value != '\0'; ++value) {
        if (*value == '\'' || *value == '\\')
            text += '\\';
        text += *value;
    }
    return text + "'";
}

std::map<std::string, std::string> defaults(const connection_limits& limits) {
    return {{"connect_timeout", std::to_string(limits.connect.count())},
            {"keepalives", "1"},
            {"keepalives_idle", "5"},
            {"keepalives_interval", "2"},
            {"keepalives_count", "3"},
            {"tcp_user_timeout", std::to_string((limits.statement + limits.lock).count())},
            {"application_name", "clink-checkout"}};
}

} // namespace

std::string complete_conninfo(const std::string& url, const connection_limits& limits) {
    const auto options = parse(url);
    if (!options)
        throw std::invalid_argument(
            "the database connection string is neither a libpq URI nor a keyword string");
    auto added = defaults(limits);
    std::string text;
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val == nullptr)
            continue;
        added.erase(option->keyword);
        text += std::string(option->keyword) + "=" + quoted(option->val) + " ";
    }
    for (const auto& [keyword, value] : added)
        text += keyword + "=" + quoted(value.c_str()) + " ";
    return text;
}

bool is_conninfo(const std::string& url) {
    const auto options = parse(url);
    if (!options || has_stray_at(url))
        return false;
    for (const auto* option = options.get(); option->keyword != nullptr; ++option) {
        const std::string_view keyword = option->keyword;
        if (option->val == nullptr)
            continue;
        if ((keyword == "host" && !all_of_list(option->val, may_be_host))
            || (keyword == "port" && !all_of_list(option->val, may_be_port)))
            return false;
    }
    return true;
}

std::string limit_statement(const connection_limits& limits) {
    const auto set = [](const char* name, std::chrono::milliseconds value) {
        return std::string("set ") + name + " = " + std::to_string(value.count()) + "; ";
    };
    return set("statement_timeout", limits.statement) + set("lock_timeout", limits.lock)
           + set("idle_in_transaction_session_timeout", limits.idle_in_transaction)
           + "set jit = off; set timezone = 'UTC'; set client_encoding = 'UTF8'"; // short statements, all of
                                                                                  // them
}

} // namespace checkout
