// What the twin's three faces share: the merchant API, the hosted page and the control API work on one state.
#pragma once

#include "clink_json.h"
#include "faults.h"
#include "request_log.h"
#include "settings.h"
#include "state.h"

#include <chrono>
#include <string>
#include <utility>

namespace clink_twin {

struct core {
    core(twin_settings begin, twin_state::event_sink sink)
        : initial(std::move(begin)),
          settings(initial),
          state(settings, std::move(sink)) {}

    const twin_settings initial; ///< what a reset goes back to
    twin_settings settings;
    std::string public_url; ///< base of the hosted pages, without a trailing slash
    twin_state state;
    override_book overrides;
    fault_queue faults;
    request_log requests;

    std::string page_url(const session& of) const { return public_url + page_path(of); }
};

inline instant now() {
    return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

http_response json_answer(unsigned status, const json_value& body);

} // namespace clink_twin
