#include "app/settings.h"

#include "app/setting_table.h"
#include "support/certificates.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

const std::string digest(64, 'a');
const std::string token_list = "shop:storefront:" + digest;
const std::string long_key(32, 'k');

environment for_serve() {
    return {{"DATABASE_URL", "postgresql://localhost/checkout"},
            {"CLINK_API_BASE_URL", "https://uat-api.clinkbill.com/api"},
            {"CLINK_API_KEY", "sk_test_1"},
            {"API_TOKENS", token_list}};
}

environment with(environment variables, const std::string& name, const std::string& value) {
    variables[name] = value;
    return variables;
}

settings accepted(const environment& variables, command to_run = command::serve) {
    auto parsed = parse_settings(variables, to_run);
    if (!parsed)
        for (const auto& error : parsed.error())
            MESSAGE(error.name << " " << error.message);
    REQUIRE(parsed.has_value());
    return std::move(*parsed);
}

settings accepted(const std::string& name, const std::string& value) {
    return accepted(with(for_serve(), name, value));
}

using names = std::vector<std::string>;

names wrong_names(const environment& variables, command to_run = command::serve) {
    const auto parsed = parse_settings(variables, to_run);
    REQUIRE(parsed.has_error());
    names wrong;
    for (const auto& error : parsed.error())
        wrong.push_back(error.name);
    return wrong;
}

names wrong_names(const std::string& name, const std::string& value) {
    return wrong_names(with(for_serve(), name, value));
}

class temporary_folder {
public:
    temporary_folder() : path_(std::filesystem::temp_directory_path() / ("settings_" + make_uuid_v7())) {
        std::filesystem::create_directory(path_);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(path_); }

    std::string write(const std::string& name, const std::string& text) const {
        std::ofstream(path_ / name, std::ios::binary) << text;
        return path_ / name;
    }

private:
    std::filesystem::path path_;
};

} // namespace

TEST_CASE("settings: the defaults are the contract's") {
    const auto s = accepted(for_serve());
    CHECK(s.database.url == "postgresql://localhost/checkout");
    CHECK(s.database.read_url == s.database.url);
    CHECK(s.database.pool_size == 16);
    CHECK(s.clink.base_url == "https://uat-api.clinkbill.com/api");
    CHECK(s.clink.api_key == "sk_test_1");
    CHECK(s.clink.ca_file.empty());
    CHECK(s.clink.timeout == 10s);
    CHECK(s.webhook.signing_keys.empty());
    CHECK(s.webhook.tolerance == 300s);
    CHECK_FALSE(s.webhook.account_website);
    CHECK(s.http.listen_address == "0.0.0.0:8080");
    CHECK(s.http.admin_listen_address == "0.0.0.0:9090");
    CHECK_FALSE(s.http.tls);
    CHECK(s.http.tokens.size() == 1);
    CHECK(s.http.tokens_file.empty());
    CHECK_FALSE(s.redirect.public_base_url);
    CHECK(s.redirect.signing_keys.empty());
    CHECK(s.redirect.allowed_hosts.empty());
    CHECK(s.sweep.interval == 1s);
    CHECK(s.sweep.schedule == std::vector<std::chrono::seconds>{5s, 15s, 30s, 60s, 120s, 300s});
    CHECK(s.sweep.max_per_second == 200);
    CHECK(s.sweep.dark_watch == 72h);
    CHECK(s.load.rate_limit_per_second == 0);
    CHECK(s.load.max_in_flight == 1024);
    CHECK(s.load.drain_delay == 0s);
    CHECK(s.load.drain_timeout == 25s);
    CHECK(s.level == log_level::info);
}

TEST_CASE("settings: every default passes its own setting's check") {
    for (const auto& row : setting_table()) {
        settings scratch;
        CAPTURE(row.name);
        if (!row.default_text.empty())
            CHECK_FALSE(row.apply({std::string(row.default_text), ""}, scratch));
    }
}

TEST_CASE("settings: a command requires only what it uses") {
    CHECK(wrong_names({}, command::serve)
          == names{"DATABASE_URL", "CLINK_API_BASE_URL", "CLINK_API_KEY", "API_TOKENS"});
    CHECK(wrong_names({}, command::reconcile)
          == names{"DATABASE_URL", "CLINK_API_BASE_URL", "CLINK_API_KEY"});
    CHECK(wrong_names({}, command::migrate) == names{"DATABASE_URL"});
    CHECK(wrong_names({}, command::export_rows) == names{"DATABASE_URL"});
}

TEST_CASE("settings: what a command does not use is not looked at") {
    const auto s = accepted(
        {{"DATABASE_URL", "host=db"}, {"LISTEN_ADDRESS", "nonsense"}, {"CLINK_API_KEY_FILE", "/none"}},
        command::migrate);
    CHECK(s.database.url == "host=db");
    CHECK(s.http.listen_address == "0.0.0.0:8080");
    CHECK(s.clink.api_key.empty());
}

TEST_CASE("settings: unknown and empty variables are ignored") {
    CHECK(accepted("CLINK_COLOUR", "red").database.pool_size == 16);
    CHECK(accepted("DATABASE_POOL_SIZE", "").database.pool_size == 16);
    CHECK(wrong_names("CLINK_API_KEY", "") == names{"CLINK_API_KEY"});
}

TEST_CASE("settings: every wrong setting is named at once") {
    auto variables = for_serve();
    variables["DATABASE_POOL_SIZE"] = "many";
    variables["CLINK_API_BASE_URL"] = "ftp://a";
    variables["LOG_LEVEL"] = "loud";
    variables["PUBLIC_BASE_URL"] = "https://pay.example";
    variables["TLS_CLIENT_CA_FILE"] = "/none/such";
    CHECK(wrong_names(variables)
          == names{"DATABASE_POOL_SIZE", "CLINK_API_BASE_URL", "TLS_CLIENT_CA_FILE", "LOG_LEVEL",
                   "TLS_CERT_FILE", "TLS_KEY_FILE", "REDIRECT_SIGNING_KEY"});
}

TEST_CASE("settings: no message holds the value that is wrong") {
    const std::string secret = "s3cr3t";
    environment variables;
    for (const auto& row : setting_table())
        variables[std::string(row.name)] = secret + "\x01=\\";
    variables["DATABASE_URL"] = secret;
    const auto parsed = parse_settings(variables, command::serve);
    REQUIRE(parsed.has_error());
    CHECK(parsed.error().size() > 20);
    for (const auto& error : parsed.error())
        CHECK_MESSAGE(error.message.find(secret) == std::string::npos, error.name);
}

TEST_CASE("settings: numbers keep to their ranges") {
    struct range {
        std::string name;
        std::string least;
        std::string below;
        std::string most;
        std::string above;
    };
    for (const auto& r : std::initializer_list<range>{
             {"DATABASE_POOL_SIZE", "1", "0", "256", "257"},
             {"CLINK_WEBHOOK_TOLERANCE_SECONDS", "0", "-1", "604800", "604801"},
             {"CLINK_TIMEOUT_MS", "50", "49", "120000", "120001"},
             {"SWEEP_INTERVAL_SECONDS", "0", "-1", "3600", "3601"},
             {"SWEEP_MAX_PER_SECOND", "1", "0", "100000", "100001"},
             {"DARK_WATCH_HOURS", "1", "0", "8760", "8761"},
             {"RATE_LIMIT_PER_SECOND", "0", "-1", "1000000", "1000001"},
             {"MAX_IN_FLIGHT", "1", "0", "65536", "65537"},
             {"MAX_CONNECTIONS", "1", "0", "1000000", "1000001"},
             {"DRAIN_DELAY_SECONDS", "0", "-1", "600", "601"},
             {"DRAIN_TIMEOUT_SECONDS", "0", "-1", "3600", "3601"},
         }) {
        CAPTURE(r.name);
        accepted(r.name, r.least);
        accepted(r.name, r.most);
        for (const auto& wrong : {r.below, r.above, std::string("1.0"), std::string(" 1"), std::string("1 "),
                                  std::string("+1"), std::string("0x1"), std::string("99999999999999999999")})
            CHECK_MESSAGE(wrong_names(r.name, wrong) == names{r.name}, wrong);
    }
}

TEST_CASE("settings: a secret can be in a file, less one line end") {
    const temporary_folder folder;
    const auto key = [&](const std::string& text) {
        auto variables = for_serve();
        variables.erase("CLINK_WEBHOOK_SIGNING_KEY");
        variables["CLINK_WEBHOOK_SIGNING_KEY_FILE"] = folder.write("key", text);
        return accepted(variables).webhook.signing_keys.at(0);
    };
    CHECK(key("whsec_1") == "whsec_1");
    CHECK(key("whsec_1\n") == "whsec_1");
    CHECK(key("whsec_1\r\n") == "whsec_1");
    CHECK(key("whsec_1\r") == "whsec_1\r");
    CHECK(key("whsec_1\n\n") == "whsec_1\n");
    CHECK(key(" whsec_1 ") == " whsec_1 ");
}

TEST_CASE("settings: every secret can be in a file, and nothing else can") {
    const temporary_folder folder;
    const std::set<std::string_view> secrets{"DATABASE_URL",
                                             "DATABASE_READ_URL",
                                             "CLINK_API_KEY",
                                             "API_TOKENS",
                                             "CLINK_WEBHOOK_SIGNING_KEY",
                                             "REDIRECT_SIGNING_KEY",
                                             "OTEL_EXPORTER_OTLP_HEADERS"};
    for (const auto& row : setting_table()) {
        CAPTURE(row.name);
        CHECK(row.secret == secrets.contains(row.name));
        if (!row.secret)
            continue;
        const std::string name(row.name);
        const std::string text = name == "API_TOKENS" ? token_list : "host=" + long_key;
        auto variables = for_serve();
        variables.erase(name);
        variables[name + "_FILE"] = folder.write(name, text);
        accepted(variables);
        variables[name] = text;
        CHECK(wrong_names(variables) == names{name});
    }
}

TEST_CASE("settings: a secret's file is named when it cannot be used") {
    const temporary_folder folder;
    auto variables = for_serve();
    variables.erase("CLINK_API_KEY");
    variables["CLINK_API_KEY_FILE"] = folder.write("absent", "") + "x";
    CHECK(wrong_names(variables) == names{"CLINK_API_KEY_FILE"});
    for (const auto* text : {"", "\n", "a\nb"}) {
        variables["CLINK_API_KEY_FILE"] = folder.write("key", text);
        CHECK(wrong_names(variables) == names{"CLINK_API_KEY_FILE"});
    }
}

TEST_CASE("settings: tokens come from the environment or from a file that is watched") {
    const temporary_folder folder;
    auto variables = for_serve();
    variables["API_TOKENS"] = token_list + ",b:finance:" + std::string(64, 'b');
    CHECK(accepted(variables).http.tokens.size() == 2);
    variables.erase("API_TOKENS");
    const auto file = folder.write("tokens", "# shops\n" + token_list + "\n");
    variables["API_TOKENS_FILE"] = file;
    const auto s = accepted(variables);
    CHECK(s.http.tokens.size() == 1);
    CHECK(s.http.tokens_file == file);
    folder.write("tokens", "nonsense\n");
    CHECK(wrong_names(variables) == names{"API_TOKENS_FILE"});
    CHECK(wrong_names("API_TOKENS", "nonsense") == names{"API_TOKENS"});
}

TEST_CASE("settings: databases") {
    CHECK(accepted("DATABASE_READ_URL", "host=standby").database.read_url == "host=standby");
    for (const auto* url : {"postgres://a,b/c?target_session_attrs=read-write", "host=a,b dbname=c"})
        CHECK(accepted("DATABASE_URL", url).database.url == url);
    CHECK(wrong_names("DATABASE_URL", "localhost") == names{"DATABASE_URL"});
}

TEST_CASE("settings: a password that is not escaped is not taken for a host, a port or a database") {
    for (const auto* url : {"postgresql://app:pa@sswd@db:5432/checkout",
                            "postgresql://app:p4/ss#w@db/checkout", "postgresql://app:5432/ss@db/checkout",
                            "host='a b' dbname=c", "host=a@b dbname=c", "host=a port=12x"})
        CHECK_MESSAGE(wrong_names("DATABASE_URL", url) == names{"DATABASE_URL"}, url);
    for (const auto* url :
         {"postgresql://app:p%40ss%2F@db:5432,db2:5433/check%40out", "postgresql://[::1]:5432/checkout",
          "postgresql:///checkout?host=/run/postgresql", "postgresql:///checkout?host=@abstract",
          "host=/run/a,@b,c port=1,,2 dbname=a@b password='p@s /:s'", "postgresql://app@db",
          "host=a password=x://y/@z", "postgresql://app:p?ss@db/checkout"})
        CHECK_MESSAGE(accepted("DATABASE_URL", url).database.url == url, url);
}

TEST_CASE("settings: Clink is asked over https, or over loopback") {
    for (const auto* url : {"https://api.clinkbill.com/api", "http://127.0.0.1:9000/api", "http://127.9.9.9",
                            "http://[::1]:9", "http://localhost:9000/api", "HTTP://LOCALHOST/api"})
        CHECK(accepted("CLINK_API_BASE_URL", url).clink.base_url == url);
    CHECK(accepted("CLINK_API_BASE_URL", "https://a/api//").clink.base_url == "https://a/api");
    CHECK(accepted("CLINK_API_BASE_URL", "https://a/").clink.base_url == "https://a");
    for (const auto* url : {"http://api.clinkbill.com/api", "http://127.0.0.1.evil.example/",
                            "http://localhost.example/", "http://10.0.0.1/", "https://", "api.clinkbill.com",
                            "https://u:p@a/", "https://a/?b", "https://a/#b", "https://a/ b"})
        CHECK_MESSAGE(wrong_names("CLINK_API_BASE_URL", url) == names{"CLINK_API_BASE_URL"}, url);
}

TEST_CASE("settings: an API key is any text that a header can carry") {
    CHECK(accepted("CLINK_API_KEY", "sk, \xc3\xbc \"x\"").clink.api_key == "sk, \xc3\xbc \"x\"");
    for (const auto* key : {"a\r\nX-Evil: 1", "a\tb", " a", "a "})
        CHECK(wrong_names("CLINK_API_KEY", key) == names{"CLINK_API_KEY"});
}

TEST_CASE("settings: one or two webhook keys, as raw bytes") {
    CHECK(accepted("CLINK_WEBHOOK_SIGNING_KEY", "a, b").webhook.signing_keys == names{"a", " b"});
    for (const auto* keys : {"a,b,c", "a,", ",b", ","})
        CHECK(wrong_names("CLINK_WEBHOOK_SIGNING_KEY", keys) == names{"CLINK_WEBHOOK_SIGNING_KEY"});
}

TEST_CASE("settings: wrapped redirects need a signing key of 32 bytes") {
    auto variables = with(for_serve(), "PUBLIC_BASE_URL", "https://pay.example/base/");
    CHECK(wrong_names(variables) == names{"REDIRECT_SIGNING_KEY"});
    variables["REDIRECT_SIGNING_KEY"] = long_key.substr(1);
    CHECK(wrong_names(variables) == names{"REDIRECT_SIGNING_KEY"});
    variables["REDIRECT_SIGNING_KEY"] = long_key + "," + long_key.substr(1);
    CHECK(wrong_names(variables) == names{"REDIRECT_SIGNING_KEY"});
    variables["REDIRECT_SIGNING_KEY"] = long_key + "," + long_key;
    CHECK(accepted(variables).redirect.signing_keys.size() == 2);
    CHECK(accepted(variables).redirect.public_base_url == "https://pay.example/base");
    variables["PUBLIC_BASE_URL"] = "https://pay.example/?a";
    CHECK(wrong_names(variables) == names{"PUBLIC_BASE_URL"});
    CHECK(accepted("REDIRECT_SIGNING_KEY", long_key).redirect.signing_keys.size() == 1);
}

TEST_CASE("settings: allowed hosts are a list") {
    const auto hosts =
        accepted("REDIRECT_ALLOWED_HOSTS", "Shop.example, localhost:3000").redirect.allowed_hosts;
    REQUIRE(hosts.size() == 2);
    CHECK(hosts[0] == host_rule{"shop.example", std::nullopt});
    CHECK(hosts[1] == host_rule{"localhost", 3000});
    for (const auto* text : {"a,", "*", "https://a", "a/b"})
        CHECK(wrong_names("REDIRECT_ALLOWED_HOSTS", text) == names{"REDIRECT_ALLOWED_HOSTS"});
}

TEST_CASE("settings: the sweep's schedule ascends") {
    CHECK(accepted("SWEEP_SCHEDULE_SECONDS", "1, 2,2592000").sweep.schedule
          == std::vector<std::chrono::seconds>{1s, 2s, 2592000s});
    for (const auto* text : {"0", "-5", "5,5", "5,4", "5,", ",", "a", "1.5", "2592001", "2592000,2592000"})
        CHECK_MESSAGE(wrong_names("SWEEP_SCHEDULE_SECONDS", text) == names{"SWEEP_SCHEDULE_SECONDS"}, text);
}

TEST_CASE("settings: listeners are host:port and differ") {
    CHECK(accepted("LISTEN_ADDRESS", "[::]:0").http.listen_address == "[::]:0");
    for (const auto* text : {"8080", ":8080", "a:b", "0.0.0.0:70000"})
        CHECK(wrong_names("LISTEN_ADDRESS", text) == names{"LISTEN_ADDRESS"});
    CHECK(wrong_names("LISTEN_ADDRESS", "0.0.0.0:9090") == names{"ADMIN_LISTEN_ADDRESS"});
    accepted(with(with(for_serve(), "LISTEN_ADDRESS", "127.0.0.1:0"), "ADMIN_LISTEN_ADDRESS", "127.0.0.1:0"));
}

TEST_CASE("settings: TLS takes a certificate and its key") {
    const temporary_folder folder;
    const auto own = test::make_ca("own");
    const auto file = folder.write("pem", own.certificate_pem() + own.key_pem());
    auto variables = with(for_serve(), "TLS_CERT_FILE", file);
    CHECK(wrong_names(variables) == names{"TLS_KEY_FILE"});
    variables["TLS_KEY_FILE"] = file;
    CHECK(accepted(variables).http.tls->client_ca_file.empty());
    variables["TLS_CLIENT_CA_FILE"] = file;
    CHECK(accepted(variables).http.tls->client_ca_file == file);
    variables["TLS_KEY_FILE"] = folder.write("key", test::make_ca("other").key_pem());
    CHECK(wrong_names(variables) == names{"TLS_KEY_FILE"});
    variables["TLS_KEY_FILE"] = file;
    variables.erase("TLS_CERT_FILE");
    CHECK(wrong_names(variables) == names{"TLS_CERT_FILE"});
    CHECK(wrong_names("TLS_CLIENT_CA_FILE", file) == names{"TLS_CERT_FILE", "TLS_KEY_FILE"});
    CHECK(wrong_names("CLINK_CA_FILE", file + ".absent") == names{"CLINK_CA_FILE"});
}

TEST_CASE("settings: log levels have their names") {
    CHECK(accepted("LOG_LEVEL", "debug").level == log_level::debug);
    CHECK(accepted("LOG_LEVEL", "warning").level == log_level::warning);
    CHECK(wrong_names("LOG_LEVEL", "INFO") == names{"LOG_LEVEL"});
}

TEST_CASE("settings: the help names every setting with its default") {
    const auto help = help_text();
    for (const auto& row : setting_table()) {
        CAPTURE(row.name);
        CHECK(help.find("\n  " + std::string(row.name)) != std::string::npos);
        CHECK((row.secret == (help.find(std::string(row.name) + "_FILE") != std::string::npos)));
        if (!row.default_text.empty())
            CHECK(help.find("Default: " + std::string(row.default_text) + ".") != std::string::npos);
    }
}

TEST_CASE("settings: the environment of this process is read") {
    const auto variables = read_environment();
    REQUIRE(variables.contains("PATH"));
    CHECK_FALSE(variables.find("PATH")->second.empty());
}
