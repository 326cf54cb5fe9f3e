#include "domain/errc.h"

#include <stdexcept>

namespace checkout {

void throw_exception_from_error(const failure& error, const boost::source_location&) {
    throw std::logic_error("the value of a failed result was used: " + error.detail);
}

failure make_failure(errc code, std::string detail, std::optional<std::chrono::seconds> retry_after) {
    return {.code = code,
            .detail = std::move(detail),
            .conflicts = {},
            .refusal = {},
            .retry_after = retry_after};
}

} // namespace checkout
