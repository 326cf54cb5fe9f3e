#include "observe/log.h"

#include "observe/metrics.h"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <string>

namespace checkout {

namespace {

std::atomic<log_level> lowest_level = log_level::info;
std::mutex output_mutex; // a line that write(2) takes in pieces must not be interleaved with another

std::string_view to_string(log_level level) {
    switch (level) {
    case log_level::debug:
        return "debug";
    case log_level::info:
        return "info";
    case log_level::warning:
        return "warning";
    case log_level::error:
        return "error";
    }
    return "error";
}

std::string current_time() {
    using namespace std::chrono;
    const auto now = floor<milliseconds>(system_clock::now());
    const std::time_t seconds = system_clock::to_time_t(now);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    const std::string fraction = std::to_string(1000 + now.time_since_epoch().count() % 1000);
    return std::string(text.data(), length) + '.' + fraction.substr(1) + 'Z';
}

bool is_continuation(std::string_view text, std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

/// Bytes of the well-formed UTF-8 character that starts at `at` (Unicode, table 3-7), or 0.
std::size_t character_length(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4 || !is_continuation(text, at + 1))
        return 0;
    if (lead < 0xE0)
        return 2;
    const auto second = static_cast<unsigned char>(text[at + 1]);
    const bool overlong = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool surrogate = lead == 0xED && second > 0x9F;
    const bool past_the_last = lead == 0xF4 && second > 0x8F;
    if (overlong || surrogate || past_the_last || !is_continuation(text, at + 2))
        return 0;
    if (lead < 0xF0)
        return 3;
    return is_continuation(text, at + 3) ? 4 : 0;
}

/// Errors of other libraries may quote bytes that are no UTF-8; a log reader would drop the whole line for
/// them.
std::string with_valid_utf8(std::string_view line) {
    std::string out;
    out.reserve(line.size());
    for (std::size_t at = 0; at < line.size();) {
        const std::size_t length = character_length(line, at);
        out += length > 0 ? line.substr(at, length) : "\xEF\xBF\xBD";
        at += length > 0 ? length : 1;
    }
    return out;
}

bool wait_until_writable() {
    pollfd waited{STDERR_FILENO, POLLOUT, 0};
    return poll(&waited, 1, -1) == 1 || errno == EINTR;
}

/// Gives the line up when standard error is closed or broken: there is nowhere left to say so.
void write_line(std::string_view line) {
    const std::lock_guard lock(output_mutex);
    while (!line.empty()) {
        const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
        if (written >= 0)
            line.remove_prefix(static_cast<std::size_t>(written));
        else if (errno == EAGAIN ? !wait_until_writable() : errno != EINTR)
            return;
    }
}

void count_line(log_level level) {
    if (level >= log_level::warning)
        metrics().log_lines.add({to_string(level)});
}

/// The line's first members, with room for `more` besides.
json_object begin_line(log_level level, std::string_view event, std::size_t more) {
    json_object line;
    line.reserve(more + 3);
    line.push_back({"time", current_time()});
    line.push_back({"level", to_string(level)});
    line.push_back({"event", event});
    return line;
}

void finish_line(json_object line, std::initializer_list<log_field> fields) {
    for (const log_field& field : fields)
        line.push_back({std::string(field.name), field.value});
    write_line(with_valid_utf8(write_json(line)) + '\n');
}

} // namespace

void set_log_level(log_level level) {
    lowest_level.store(level, std::memory_order_relaxed);
}

bool log_enabled(log_level level) {
    return level >= lowest_level.load(std::memory_order_relaxed);
}

void write_log(log_level level, std::string_view event, std::initializer_list<log_field> fields) {
    count_line(level);
    if (log_enabled(level))
        finish_line(begin_line(level, event, fields.size()), fields);
}

void write_log(log_level level, std::string_view event, const call_context& context,
               std::initializer_list<log_field> fields) {
    count_line(level);
    if (!log_enabled(level))
        return;
    auto line = begin_line(level, event, fields.size() + 2);
    line.push_back(
        {"request_id", context.request_id.empty() ? json_value() : json_value(context.request_id)});
    line.push_back(
        {"trace_id", context.trace.exists() ? json_value(to_hex(context.trace.trace)) : json_value()});
    finish_line(std::move(line), fields);
}

} // namespace checkout
