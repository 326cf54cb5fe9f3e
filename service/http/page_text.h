// A page of report rows as JSON text: the same rows that NDJSON has, in "items".
#pragma once

#include "finance/row_format.h"
#include "json/json.h"

#include <span>
#include <string>
#include <string_view>

namespace checkout {

class page_text {
public:
    explicit page_text(std::span<const report_column> columns) : columns_(columns) {}

    void add(report_row row) {
        items_ += items_.empty() ? "" : ",";
        append_json_row(items_, columns_, row);
    }
    /// A further member of the page.
    void set(std::string_view name, const json_value& value) {
        members_ += "," + write_json_string(name) + ":" + write_json(value);
    }
    std::string finish() const { return "{\"items\":[" + items_ + "]" + members_ + "}"; }

private:
    std::span<const report_column> columns_;
    std::string items_;
    std::string members_;
};

} // namespace checkout
