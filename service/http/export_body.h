// An export as the body of an answer: rows and nothing else, what they add up to in trailers.
#pragma once

#include "finance/export_desk.h"
#include "http/message.h"
#include "observe/call_context.h"

#include <memory>
#include <string>

namespace checkout {

/// 200 with the rows of `job`, which is open; its end, whatever it is, goes into the log under the request's
/// ids.
http_response export_answer(std::unique_ptr<export_job> job, report_name report, row_format format,
                            instant as_of, call_context context);

} // namespace checkout
