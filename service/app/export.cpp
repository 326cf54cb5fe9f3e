#include "app/export.h"

#include "app/command_line.h"
#include "app/progress.h"
#include "finance/report_text.h"

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <system_error>

namespace checkout {

namespace {

void write_out(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
        throw std::system_error(errno, std::generic_category(), "standard output cannot be written");
}

void flush_out() {
    if (std::fflush(stdout) != 0)
        throw std::system_error(errno, std::generic_category(), "standard output cannot be written");
}

} // namespace

int run_export(const settings& with, const export_words& words) {
    report_query query;
    query.report = words.report;
    query.from = words.range.from;
    query.to = words.range.to;
    report_cursor source(with.database.read_url, query);
    report_text text(source, words.report, words.format);
    progress shown("export " + std::string(to_string(words.report)));
    while (const auto piece = text.next()) {
        write_out(*piece);
        shown.show(std::to_string(text.totals().rows()) + " rows");
    }
    flush_out();
    shown.end();
    std::cerr << text.totals().rows() << " rows, as of " << to_rfc3339_micros(source.as_of()) << ", totals "
              << text.totals().to_json() << "\n";
    return exit_done;
}

} // namespace checkout
