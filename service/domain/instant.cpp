#include "domain/instant.h"

#include <algorithm>
#include <charconv>

namespace checkout {

namespace {

namespace chr = std::chrono;

constexpr int microsecond_digits = 6;

std::string padded(std::int64_t number, std::size_t width) {
    const std::string digits = std::to_string(number);
    return digits.size() >= width ? digits : std::string(width - digits.size(), '0') + digits;
}

std::string write(instant at, std::int64_t fraction_unit_us, std::size_t fraction_digits) {
    const auto day = chr::floor<chr::days>(at);
    const chr::year_month_day date(day);
    const chr::hh_mm_ss time(at - day);
    return padded(int(date.year()), 4) + '-' + padded(unsigned(date.month()), 2) + '-'
           + padded(unsigned(date.day()), 2) + 'T' + padded(time.hours().count(), 2) + ':'
           + padded(time.minutes().count(), 2) + ':' + padded(time.seconds().count(), 2) + '.'
           + padded(time.subseconds().count() / fraction_unit_us, fraction_digits) + 'Z';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes a text apart from the front. After the first mismatch everything that follows fails as well.
class scanner {
public:
    explicit scanner(std::string_view text) : rest_(text) {}

    bool done() const { return good_ && rest_.empty(); }
    bool good() const { return good_; }

    bool next_is_one_of(std::string_view choices) const {
        return !rest_.empty() && choices.find(rest_.front()) != std::string_view::npos;
    }
    char one_of(std::string_view choices) {
        if (!next_is_one_of(choices)) {
            good_ = false;
            rest_ = {};
            return '\0';
        }
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    int number(int digits) {
        int value = 0;
        for (int i = 0; i < digits; ++i)
            value = value * 10 + (one_of("0123456789") - '0');
        return good_ ? value : 0;
    }
    /// One digit or more, read as the fraction of a second and cut to microseconds.
    chr::microseconds fraction() {
        const std::size_t length = std::ranges::find_if_not(rest_, is_digit) - rest_.begin();
        std::string digits(rest_.substr(0, std::min<std::size_t>(length, microsecond_digits)));
        good_ = good_ && length > 0;
        rest_.remove_prefix(length);
        digits.resize(microsecond_digits, '0');
        return chr::microseconds(scanner(digits).number(microsecond_digits));
    }

private:
    std::string_view rest_;
    bool good_ = true;
};

std::optional<chr::sys_days> scan_date(scanner& in) {
    const int year = in.number(4);
    in.one_of("-");
    const int month = in.number(2);
    in.one_of("-");
    const int day = in.number(2);
    const chr::year_month_day date = chr::year(year) / month / day;
    if (!in.good() || !date.ok())
        return std::nullopt;
    return chr::sys_days(date);
}

struct time_of_day {
    int hour;
    int minute;
    int second; ///< 60 in a leap second
    chr::microseconds fraction;
};

std::optional<time_of_day> scan_time(scanner& in) {
    time_of_day time{};
    time.hour = in.number(2);
    in.one_of(":");
    time.minute = in.number(2);
    in.one_of(":");
    time.second = in.number(2);
    if (in.next_is_one_of(".")) {
        in.one_of(".");
        time.fraction = in.fraction();
    }
    if (!in.good() || time.hour > 23 || time.minute > 59 || time.second > 60)
        return std::nullopt;
    return time;
}

/// How far the local time is ahead of UTC.
std::optional<chr::minutes> scan_offset(scanner& in) {
    const char kind = in.one_of("Zz+-");
    if (kind != '+' && kind != '-')
        return in.good() ? std::optional(chr::minutes(0)) : std::nullopt;
    const int hours = in.number(2);
    in.one_of(":");
    const int minutes = in.number(2);
    if (!in.good() || hours > 23 || minutes > 59)
        return std::nullopt;
    const chr::minutes ahead = chr::hours(hours) + chr::minutes(minutes);
    return kind == '-' ? -ahead : ahead;
}

/// Leap seconds are inserted at the end of a UTC day and nowhere else.
std::optional<instant> leap_second(instant start_of_minute) {
    if (start_of_minute + chr::minutes(1) != chr::ceil<chr::days>(start_of_minute))
        return std::nullopt;
    return start_of_minute + chr::minutes(1) - chr::microseconds(1);
}

} // namespace

std::string to_rfc3339(instant at) {
    return write(at, 1000, 3);
}

std::string to_rfc3339_micros(instant at) {
    return write(at, 1, microsecond_digits);
}

std::optional<instant> parse_rfc3339(std::string_view text) {
    scanner in(text);
    const auto date = scan_date(in);
    in.one_of("Tt");
    const auto time = scan_time(in);
    const auto ahead = scan_offset(in);
    if (!in.done() || !date || !time || !ahead)
        return std::nullopt;
    const instant minute = *date + chr::hours(time->hour) + chr::minutes(time->minute) - *ahead;
    if (time->second == 60)
        return leap_second(minute);
    return minute + chr::seconds(time->second) + time->fraction;
}

std::optional<instant> parse_date(std::string_view text) {
    scanner in(text);
    const auto date = scan_date(in);
    return in.done() && date ? std::optional<instant>(*date) : std::nullopt;
}

std::optional<instant> parse_relative_day(std::string_view text, instant now) {
    constexpr std::string_view today = "today";
    constexpr std::size_t most_digits = 5;
    if (!text.starts_with(today))
        return std::nullopt;
    text.remove_prefix(today.size());
    int days = 0;
    if (!text.empty()) {
        const auto digits = text.substr(1);
        const auto* end = digits.data() + digits.size();
        const bool shaped =
            text.front() == '-' && !digits.empty() && digits.size() <= most_digits && digits.front() != '-';
        if (!shaped || std::from_chars(digits.data(), end, days).ptr != end)
            return std::nullopt;
    }
    return std::chrono::floor<std::chrono::days>(now) - std::chrono::days(days);
}

} // namespace checkout
