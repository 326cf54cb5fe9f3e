// Ends the process at a named point as a power cut would: no destructor, no flush, no answer.
// CHECKOUT_CRASH_AT is
// "<name>" or "<name>:<n>", the n-th time that the point is passed.
#include "observe/crash_point.h"

#include <atomic>
#include <cstdlib>
#include <string>
#include <unistd.h>

namespace checkout {

namespace {

constexpr int status_of_a_killed_process = 137;

struct chosen_point {
    std::string name;
    int passes = 1;
};

chosen_point read_choice() {
    const char* given = std::getenv("CHECKOUT_CRASH_AT");
    const std::string text = given == nullptr ? "" : given;
    const auto colon = text.find(':');
    if (colon == std::string::npos)
        return {text, 1};
    return {text.substr(0, colon), std::stoi(text.substr(colon + 1))};
}

} // namespace

void crash_point(const char* name) {
    static const chosen_point chosen = read_choice();
    static std::atomic<int> passed{0};
    if (chosen.name == name && ++passed == chosen.passes)
        _exit(status_of_a_killed_process);
}

} // namespace checkout
