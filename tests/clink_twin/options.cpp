#include "options.h"

#include <boost/program_options.hpp>

#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace clink_twin {

namespace po = boost::program_options;

namespace {

po::options_description describe(twin_options& options, std::string& retry_scale) {
    auto& settings = options.settings;
    auto& webhooks = settings.webhooks;
    po::options_description all(
        "clink-twin: a stand-in for Clink's merchant API, checkout page and webhooks.\n"
        "Its control API is documented in tests/clink_twin/README.md.\n\nOptions");
    auto add = all.add_options();
    add("help", "print this and exit");
    add("listen", po::value(&options.listen)->default_value(options.listen)->value_name("HOST:PORT"),
        "where to listen; port 0 takes a free one");
    add("port-file", po::value(&options.port_file)->value_name("FILE"),
        "write the bound address as host:port there, once listening");
    add("api-key", po::value(&options.api_key)->value_name("KEY"),
        "what X-API-KEY must be [CLINK_TWIN_API_KEY]; required");
    add("tls-cert", po::value(&options.certificate_file)->value_name("FILE"),
        "PEM certificate chain: turns TLS on");
    add("tls-key", po::value(&options.key_file)->value_name("FILE"), "PEM private key of --tls-cert");
    add("public-url", po::value(&options.public_url)->value_name("URL"),
        "base of the hosted pages' URLs (default: the bound address)");
    add("merchant-name",
        po::value(&settings.merchant_name)->default_value(settings.merchant_name)->value_name("NAME"),
        "who is paid, on the hosted page");
    add("webhook-url", po::value(&webhooks.url)->value_name("URL"),
        "where events are delivered (default: nowhere); its certificate is not verified");
    add("webhook-secret", po::value(&webhooks.secret)->value_name("SECRET"),
        "signs webhooks [CLINK_TWIN_WEBHOOK_SECRET]");
    add("session-lifetime-seconds",
        po::value(&settings.session_lifetime_seconds)
            ->default_value(settings.session_lifetime_seconds)
            ->value_name("N"),
        "from creation to expiry");
    add("retry-scale", po::value(&retry_scale)->default_value("1")->value_name("FACTOR"),
        "scales the delays between webhook retries; 1 spreads ten of them over a day, 0.001 over a minute "
        "and a half");
    return all;
}

std::string from_environment(const char* name) {
    auto* value = std::getenv(name);
    return value ? value : "";
}

void check(twin_options& options, const std::string& retry_scale) {
    if (options.api_key.empty())
        options.api_key = from_environment("CLINK_TWIN_API_KEY");
    if (options.settings.webhooks.secret.empty())
        options.settings.webhooks.secret = from_environment("CLINK_TWIN_WEBHOOK_SECRET");
    auto scale = decimal::parse_lenient(retry_scale);
    if (options.api_key.empty())
        throw usage_error("--api-key or CLINK_TWIN_API_KEY is required");
    if (options.certificate_file.empty() != options.key_file.empty())
        throw usage_error("--tls-cert and --tls-key go together");
    if (!options.settings.webhooks.url.empty() && options.settings.webhooks.secret.empty())
        throw usage_error("--webhook-url needs --webhook-secret or CLINK_TWIN_WEBHOOK_SECRET");
    if (!scale || scale->is_negative())
        throw usage_error("--retry-scale must be a number that is not negative");
    if (options.settings.session_lifetime_seconds < 1)
        throw usage_error("--session-lifetime-seconds must be at least 1");
    options.settings.webhooks.retry_scale = *scale;
    while (options.public_url.ends_with('/'))
        options.public_url.pop_back();
}

} // namespace

std::optional<twin_options> read_options(int argc, char** argv) {
    twin_options options;
    options.settings.promotions = usual_promotions();
    std::string retry_scale;
    auto description = describe(options, retry_scale);
    try {
        po::variables_map given;
        po::store(po::command_line_parser(argc, argv).options(description).positional({}).run(), given);
        if (given.contains("help")) {
            std::cout << description;
            return std::nullopt;
        }
        po::notify(given);
    } catch (const po::error& wrong) {
        throw usage_error(wrong.what());
    }
    check(options, retry_scale);
    return options;
}

} // namespace clink_twin
