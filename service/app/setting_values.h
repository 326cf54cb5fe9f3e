// How the text of one setting becomes a value. Every function sets `out` or says what is wrong, in words that
// fit after the setting's name and quote nothing of the text, which may be a secret.
#pragma once

#include "http/url_check.h"
#include "observe/log.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkout {

using setting_fault = std::optional<std::string>; ///< nothing when all is well

/// From `least` to `most`, digits alone.
setting_fault read_number(std::string_view text, int least, int most, int& out);
/// Seconds in ascending order, comma separated.
setting_fault read_schedule(std::string_view text, std::vector<std::chrono::seconds>& out);
/// One or two raw strings of at least `least_bytes` each, comma separated.
setting_fault read_keys(std::string_view text, std::size_t least_bytes, std::vector<std::string>& out);
/// Raw bytes that an HTTP header can carry unchanged.
setting_fault read_header_secret(std::string_view text, std::string& out);
/// A libpq URI or keyword string, by its looks: libpq itself judges it at the first connection.
setting_fault read_database_url(std::string_view text, std::string& out);
/// An absolute http(s) URL, as it is.
setting_fault read_website(std::string_view text, std::string& out);
/// An absolute http(s) URL without query and fragment; slashes at its end are taken off.
setting_fault read_base_url(std::string_view text, std::string& out);
/// The same, where plain http is allowed to loopback only.
setting_fault read_private_base_url(std::string_view text, std::string& out);
setting_fault read_listen_address(std::string_view text, std::string& out);
setting_fault read_host_rules(std::string_view text, std::vector<host_rule>& out);
setting_fault read_log_level(std::string_view text, log_level& out);
/// A path, if the file can be read.
setting_fault read_file_name(std::string_view text, std::string& out);
/// A path, if the file holds certificates, PEM.
setting_fault read_authorities_name(std::string_view text, std::string& out);

} // namespace checkout
