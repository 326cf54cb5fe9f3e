// What an exchange with Clink is to the attempt that it was made for: the row and the event that are written
// of it.
#pragma once

#include "clink/exchange.h"
#include "domain/create_decision.h"
#include "observe/call_context.h"
#include "storage/attempt_store.h"

#include <optional>

namespace checkout {

/// The exchange as its event keeps it.
exchange_record make_record(const exchange_report& report, const call_context& context);

/// Clink said no, or nothing was sent to it.
unreleased_end refused_end(const exchange_report& report);
/// The outcome is unknown, or the attempt was fenced; `session` is what Clink made, where it is known.
unreleased_end dark_end(std::optional<clink_session_id> session);
/// Clink made a session, but not the one that was asked for: it is kept dark, with its id, and shown.
unreleased_end mismatch_end(const attempt_id& attempt, const clink_session_id& session,
                            const echo_difference& difference);

/// What an accepted answer releases.
released_handle make_handle(const created_session& made);

} // namespace checkout
