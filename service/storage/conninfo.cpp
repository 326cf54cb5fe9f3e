#include "storage/conninfo.h"

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <stdexcept>

namespace checkout {

namespace {

using conninfo_options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

/// Null when libpq cannot read it.
conninfo_options parse(const std::string& url) {
    return {PQconninfoParse(url.c_str(), nullptr), &PQconninfoFree};
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
    return parse(url) != nullptr;
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
