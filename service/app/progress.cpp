#include "app/progress.h"

#include "observe/log.h"

#include <unistd.h>

#include <iostream>
#include <utility>

namespace checkout {

namespace {

using namespace std::chrono_literals;

constexpr auto terminal_interval = 200ms;
constexpr auto log_interval = 10s;
constexpr const char* clear_line = "\r\x1b[K";

} // namespace

progress::progress(std::string what)
    : what_(std::move(what)),
      terminal_(on_terminal()),
      next_(clock::now() + (terminal_ ? clock::duration(0) : clock::duration(log_interval))) {}

bool progress::on_terminal() {
    return ::isatty(STDERR_FILENO) == 1;
}

progress::~progress() {
    end();
}

void progress::show(const std::string& how_far) {
    const auto now = clock::now();
    if (now < next_)
        return;
    if (terminal_) {
        next_ = now + terminal_interval;
        line_begun_ = true;
        std::cerr << clear_line << what_ << ": " << how_far << std::flush;
    } else {
        next_ = now + log_interval;
        write_log(log_level::info, "progress", {{"command", what_}, {"detail", how_far}});
    }
}

void progress::end() {
    if (std::exchange(line_begun_, false))
        std::cerr << clear_line << std::flush;
}

} // namespace checkout
