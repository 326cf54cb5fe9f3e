#include "app/export.h"

#include "app/command_line.h"
#include "app/progress.h"
#include "app/tracing.h"
#include "crypto/digest.h"
#include "finance/report_text.h"

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <system_error>
#include <utility>

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

void write_report(const settings& with, const export_words& words, call_context context) {
    report_query query;
    query.context = std::move(context);
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
}

} // namespace

int run_export(const settings& with, const export_words& words) {
    const tracing spans(with.tracing);
    auto work =
        spans.begins().begin_root(span_kind::internal, "export " + std::string(to_string(words.report)),
                                  {.request_id = make_uuid_v7(), .trace = {}});
    try {
        write_report(with, words, work.context());
    } catch (...) {
        work.fail("exception");
        throw;
    }
    return exit_done;
}

} // namespace checkout
