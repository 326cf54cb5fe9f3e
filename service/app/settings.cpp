#include "app/settings.h"

#include "app/setting_table.h"
#include "http/tls_context.h"
#include "http/watched_file.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace checkout {

namespace {

/// Without the line end that editors put there: one, not more.
std::string without_line_end(const std::string& text) {
    for (const std::string_view line_end : {"\r\n", "\n"})
        if (text.ends_with(line_end))
            return text.substr(0, text.size() - line_end.size());
    return text;
}

class parser {
public:
    parser(const environment& variables, command to_run) : variables_(variables), command_(to_run) {}

    boost::system::result<settings, std::vector<setting_error>> run() {
        for (const auto& row : setting_table())
            read(row);
        check_tls();
        check_redirects();
        check_listeners();
        if (!errors_.empty())
            return std::move(errors_);
        if (settings_.database.read_url.empty())
            settings_.database.read_url = settings_.database.url;
        return std::move(settings_);
    }

private:
    std::string_view find(std::string_view name) const {
        const auto found = variables_.find(name);
        return found == variables_.end() ? std::string_view() : found->second;
    }
    std::string_view find_file_of(const setting_row& row) const {
        return row.secret ? find(std::string(row.name) + "_FILE") : std::string_view();
    }
    bool is_refused(std::string_view name) const {
        return std::ranges::any_of(errors_, [&](const auto& error) { return error.name.starts_with(name); });
    }
    void refuse(std::string_view name, std::string message) {
        errors_.push_back({std::string(name), std::move(message)});
    }

    void read(const setting_row& row) {
        const bool used = row.used_by.contains(command_);
        const auto text = used ? find(row.name) : std::string_view();
        const auto file = used ? find_file_of(row) : std::string_view();
        if (!text.empty() && !file.empty())
            refuse(row.name, "must not be set together with " + std::string(row.name) + "_FILE");
        else if (!file.empty())
            apply_file(row, std::string(file));
        else if (!text.empty())
            apply(row, {std::string(text), ""});
        else if (!row.default_text.empty())
            apply(row, {std::string(row.default_text), ""});
        else if (row.required && used && !is_spared(row))
            refuse(row.name, "is required");
    }

    /// An export reads from one database alone.
    bool is_spared(const setting_row& row) const {
        return command_ == command::export_rows && row.name == "DATABASE_URL"
               && !(find("DATABASE_READ_URL").empty() && find("DATABASE_READ_URL_FILE").empty());
    }

    void apply_file(const setting_row& row, const std::string& file) {
        const auto bytes = read_small_file(file);
        const auto name = std::string(row.name) + "_FILE";
        if (!bytes)
            return refuse(name, "names a file that cannot be read: " + bytes.error().message());
        auto text = without_line_end(*bytes);
        if (text.empty())
            return refuse(name, "names an empty file");
        if (auto fault = row.apply({std::move(text), file}, settings_))
            refuse(name, std::move(*fault));
    }

    void apply(const setting_row& row, const setting_value& value) {
        if (auto fault = row.apply(value, settings_))
            refuse(row.name, std::move(*fault));
    }

    void check_tls() {
        if (!settings_.http.tls)
            return;
        const auto& tls = *settings_.http.tls;
        if (tls.certificate_file.empty() && !is_refused("TLS_CERT_FILE"))
            refuse("TLS_CERT_FILE", "is required with TLS_KEY_FILE and TLS_CLIENT_CA_FILE");
        if (tls.key_file.empty() && !is_refused("TLS_KEY_FILE"))
            refuse("TLS_KEY_FILE", "is required with TLS_CERT_FILE and TLS_CLIENT_CA_FILE");
        if (!is_refused("TLS_"))
            check_files_of(tls);
    }

    /// By what is in them.
    void check_files_of(const tls_settings& tls) {
        try {
            check_tls_files({tls.certificate_file, tls.key_file, tls.client_ca_file});
        } catch (const tls_file_error& error) {
            const auto name = error.file == &server_tls::certificate_file ? "TLS_CERT_FILE"
                              : error.file == &server_tls::key_file       ? "TLS_KEY_FILE"
                                                                          : "TLS_CLIENT_CA_FILE";
            refuse(name, "names a file that cannot be used: " + error.reason);
        }
    }

    void check_redirects() {
        const auto& redirect = settings_.redirect;
        if (redirect.public_base_url && redirect.signing_keys.empty() && !is_refused("REDIRECT_SIGNING_KEY"))
            refuse("REDIRECT_SIGNING_KEY", "is required with PUBLIC_BASE_URL");
    }

    void check_listeners() {
        const auto& http = settings_.http;
        if (!http.listen_address.ends_with(":0") && http.listen_address == http.admin_listen_address)
            refuse("ADMIN_LISTEN_ADDRESS", "must not be LISTEN_ADDRESS");
    }

    const environment& variables_;
    command command_;
    settings settings_;
    std::vector<setting_error> errors_;
};

} // namespace

boost::system::result<settings, std::vector<setting_error>> parse_settings(const environment& variables,
                                                                           command to_run) {
    return parser(variables, to_run).run();
}

} // namespace checkout
