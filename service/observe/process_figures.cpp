#include "observe/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace checkout {

namespace {

/// proc(5): the fields of /proc/self/stat after the command's name, from the third on.
struct stat_line {
    std::uint64_t user_ticks = 0;     // 14
    std::uint64_t system_ticks = 0;   // 15
    std::uint64_t threads = 0;        // 20
    std::uint64_t start_ticks = 0;    // 22, since boot
    std::uint64_t resident_pages = 0; // 24
};

stat_line read_stat() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    const auto end_of_name = line.rfind(')');
    if (end_of_name == std::string::npos)
        return {};
    std::istringstream fields(line.substr(end_of_name + 1));
    stat_line found;
    std::string field;
    for (int number = 3; fields >> field; ++number) {
        if (number == 14)
            found.user_ticks = std::stoull(field);
        else if (number == 15)
            found.system_ticks = std::stoull(field);
        else if (number == 20)
            found.threads = std::stoull(field);
        else if (number == 22)
            found.start_ticks = std::stoull(field);
        else if (number == 24) {
            found.resident_pages = std::stoull(field);
            break;
        }
    }
    return found;
}

/// When the machine booted, Unix time in seconds: `btime` of /proc/stat.
double read_boot_time() {
    std::ifstream file("/proc/stat");
    std::string word;
    while (file >> word)
        if (word == "btime") {
            double seconds = 0;
            file >> seconds;
            return seconds;
        }
    return 0;
}

std::uint64_t count_open_files() {
    std::error_code failed;
    std::uint64_t count = 0;
    for (std::filesystem::directory_iterator entry("/proc/self/fd", failed), end; !failed && entry != end;
         entry.increment(failed))
        ++count;
    return count > 0 ? count - 1 : 0; // the directory's own
}

} // namespace

process_figures read_process_figures() {
    static const double boot_time = read_boot_time();
    const auto stat = read_stat();
    const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return {.resident_bytes = stat.resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)),
            .cpu = std::chrono::duration<double>(static_cast<double>(stat.user_ticks + stat.system_ticks)
                                                 / ticks),
            .started_at = boot_time + static_cast<double>(stat.start_ticks) / ticks,
            .open_files = count_open_files(),
            .max_files = limit.rlim_cur,
            .threads = stat.threads};
}

} // namespace checkout
