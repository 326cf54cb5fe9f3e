#include "observe/log.h"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace checkout;

namespace {

/// Points standard error at `target` for its lifetime.
class redirected_stderr {
public:
    explicit redirected_stderr(int target) : saved_(dup(STDERR_FILENO)) { dup2(target, STDERR_FILENO); }
    ~redirected_stderr() {
        dup2(saved_, STDERR_FILENO);
        close(saved_);
    }
    redirected_stderr(const redirected_stderr&) = delete;
    redirected_stderr& operator=(const redirected_stderr&) = delete;

private:
    int saved_;
};

std::string read_all(int fd) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (ssize_t count = 0; (count = read(fd, buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(count));
    return text;
}

std::string logged_by(const std::function<void()>& action) {
    const int file = memfd_create("log", 0);
    REQUIRE(file >= 0);
    {
        const redirected_stderr redirection(file);
        action();
    }
    lseek(file, 0, SEEK_SET);
    std::string text = read_all(file);
    close(file);
    return text;
}

/// What the action logs arrives through a pipe whose write end has these flags, read by another thread.
std::string piped_by(int flags, const std::function<void()>& action) {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    REQUIRE(fcntl(ends[1], F_SETFL, flags) == 0);
    std::string text;
    std::thread reader([&] { text = read_all(ends[0]); });
    {
        const redirected_stderr redirection(ends[1]);
        close(ends[1]);
        action();
    }
    reader.join();
    close(ends[0]);
    return text;
}

std::vector<json_value> parsed_lines(const std::string& text) {
    std::vector<json_value> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        const auto value = parse_json(line);
        REQUIRE_MESSAGE(value.has_value(), line);
        lines.push_back(*value);
    }
    return lines;
}

void log_from_threads(int threads, int lines_each, const std::string& filler) {
    std::vector<std::thread> running;
    for (int thread = 0; thread < threads; ++thread)
        running.emplace_back([=] {
            for (int line = 0; line < lines_each; ++line)
                write_log(log_level::info, "tick", {{"thread", thread}, {"line", line}, {"filler", filler}});
        });
    for (std::thread& thread : running)
        thread.join();
}

/// Every line of log_from_threads whole, and each thread's in order.
void check_lines(const std::string& text, int threads, int lines_each) {
    std::vector<int> next(static_cast<std::size_t>(threads), 0);
    for (const json_value& line : parsed_lines(text)) {
        const auto thread = static_cast<std::size_t>(std::stoi(line.find("thread")->if_number()->token));
        CHECK(line.find("line")->if_number()->token == std::to_string(next.at(thread)++));
    }
    CHECK(next == std::vector<int>(static_cast<std::size_t>(threads), lines_each));
}

std::atomic<int> signals_seen = 0;
static_assert(std::atomic<int>::is_always_lock_free); // a signal handler may use it

void count_signal(int) {
    ++signals_seen;
}

/// Leaves no room in the pipe, so that the next write blocks; returns how many bytes that took.
std::size_t fill_pipe(int write_end) {
    REQUIRE(fcntl(write_end, F_SETFL, O_NONBLOCK) == 0);
    std::size_t filled = 0;
    const std::string page(4096, ' ');
    while (write(write_end, page.data(), page.size()) == static_cast<ssize_t>(page.size()))
        filled += page.size();
    REQUIRE(fcntl(write_end, F_SETFL, 0) == 0);
    return filled;
}

} // namespace

TEST_CASE("log: a line is one JSON object with time, level, event and the fields in order") {
    const std::string text = logged_by([] {
        write_log(log_level::warning, "clink_slow",
                  {{"duration_ms", 1200}, {"detail", "a\n\"b\""}, {"retry", true}});
    });
    REQUIRE(text.ends_with('\n'));
    const auto lines = parsed_lines(text);
    REQUIRE(lines.size() == 1);
    const json_object& line = *lines[0].if_object();
    REQUIRE(line.size() == 6);
    CHECK(line[0].name == "time");
    CHECK(line[1] == json_member{"level", "warning"});
    CHECK(line[2] == json_member{"event", "clink_slow"});
    CHECK(line[3] == json_member{"duration_ms", 1200});
    CHECK(line[4] == json_member{"detail", "a\n\"b\""});
    CHECK(line[5] == json_member{"retry", true});

    const std::string time = *line[0].value.if_string();
    std::string shape = time;
    for (char& c : shape)
        c = c >= '0' && c <= '9' ? '9' : c;
    CHECK(shape == "9999-99-99T99:99:99.999Z");
}

TEST_CASE("log: levels by name, and lines below the set level are dropped") {
    const auto log_all = [] {
        write_log(log_level::debug, "a");
        write_log(log_level::info, "b");
        write_log(log_level::warning, "c");
        write_log(log_level::error, "d");
    };
    const auto levels = [&](log_level lowest) {
        set_log_level(lowest);
        std::string names;
        for (const json_value& line : parsed_lines(logged_by(log_all)))
            names += *line.find("level")->if_string() + ' ';
        set_log_level(log_level::info);
        return names;
    };
    CHECK(levels(log_level::debug) == "debug info warning error ");
    CHECK(levels(log_level::info) == "info warning error ");
    CHECK(levels(log_level::error) == "error ");
    CHECK(log_enabled(log_level::info));
    CHECK_FALSE(log_enabled(log_level::debug));
}

TEST_CASE("log: bytes that are no UTF-8 are replaced, the rest of the line stays") {
    const std::pair<std::string, std::string> examples[] = {
        {"\xff", "\uFFFD"},
        {"a\xc3", "a\uFFFD"},
        {"\xc3\"", "\uFFFD\""},
        {"\xe2\x82", "\uFFFD\uFFFD"},
        {"\xc0\xaf", "\uFFFD\uFFFD"},
        {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
        {"\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
        {"\xe0\x9f\xbf", "\uFFFD\uFFFD\uFFFD"},
        {"\u00e9\u20ac\U0001F600\u0800\uD7FF\U0010FFFF", "\u00e9\u20ac\U0001F600\u0800\uD7FF\U0010FFFF"}};
    for (const auto& [bytes, text] : examples) {
        CAPTURE(text);
        const auto lines = parsed_lines(logged_by([&] {
            write_log(log_level::info, "e", {{"detail", bytes}});
        }));
        REQUIRE(lines.size() == 1);
        CHECK(*lines[0].find("detail")->if_string() == text);
    }
}

TEST_CASE("log: lines of several threads are never interleaved") {
    const std::string text = logged_by([] { log_from_threads(4, 200, "x"); });
    check_lines(text, 4, 200);
}

TEST_CASE("log: lines longer than a pipe takes at once stay whole") {
    const std::string filler(100'000, 'x');
    check_lines(piped_by(0, [&] { log_from_threads(4, 5, filler); }), 4, 5);
}

TEST_CASE("log: a standard error that does not block loses nothing") {
    const std::string filler(100'000, 'x');
    check_lines(piped_by(O_NONBLOCK, [&] { log_from_threads(2, 10, filler); }), 2, 10);
}

TEST_CASE("log: a signal that interrupts a blocked write loses nothing") {
    struct sigaction action {};
    action.sa_handler = count_signal; // without SA_RESTART: write(2) returns EINTR
    struct sigaction before {};
    REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const std::size_t filling = fill_pipe(ends[1]);
    std::string text;
    {
        const redirected_stderr redirection(ends[1]);
        close(ends[1]);
        std::thread writer([] { write_log(log_level::info, "tick", {{"thread", 0}, {"line", 0}}); });
        for (signals_seen = 0; signals_seen < 1000; std::this_thread::yield())
            pthread_kill(writer.native_handle(), SIGUSR1);
        text.resize(filling);
        REQUIRE(read(ends[0], text.data(), filling) == static_cast<ssize_t>(filling));
        writer.join();
    }
    sigaction(SIGUSR1, &before, nullptr);
    check_lines(read_all(ends[0]), 1, 1);
    close(ends[0]);
}

TEST_CASE("log: a closed standard error is survived") {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    close(ends[1]);
    const redirected_stderr redirection(ends[0]); // open for reading only
    write_log(log_level::error, "nobody_hears_this");
    close(ends[0]);
}
