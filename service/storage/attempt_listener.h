// Hears from the database that an attempt somebody waits for came to its end in another replica: LISTEN on a
// connection and a thread of its own. A hint only: one that is lost costs a waiter its next look at the
// record, nothing else.
#pragma once

#include "domain/ids.h"
#include "storage/conninfo.h"

#include <functional>
#include <memory>
#include <string>

namespace checkout {

class attempt_listener {
public:
    /// `on_end` is called on the listener's thread, with the order whose attempt ended, and once with
    /// order_key{0} whenever listening begins (anew): then anything may have been missed. Reconnects by
    /// itself.
    attempt_listener(std::string url, const connection_limits& limits, std::function<void(order_key)> on_end);
    /// Waits for the thread, half a second at most unless it is connecting.
    ~attempt_listener();
    attempt_listener(const attempt_listener&) = delete;
    attempt_listener& operator=(const attempt_listener&) = delete;

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace checkout
