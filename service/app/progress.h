// How far a command is: one line that is written over on a terminal, log lines now and then elsewhere.
#pragma once

#include <chrono>
#include <string>

namespace checkout {

class progress {
public:
    /// `what` names the command to whoever reads.
    explicit progress(std::string what);
    ~progress();
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;

    /// Whether standard error is a terminal.
    static bool on_terminal();

    /// Shows it, unless something was shown a moment ago.
    void show(const std::string& how_far);
    /// Leaves the terminal with an empty line.
    void end();

private:
    using clock = std::chrono::steady_clock;

    const std::string what_;
    const bool terminal_;
    clock::time_point next_;
    bool line_begun_ = false;
};

} // namespace checkout
