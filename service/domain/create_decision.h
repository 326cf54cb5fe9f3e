// What a request for a checkout page comes to, given the order as it stands: a pure function over the record,
// so that every rule of "one payable handle per order" can be read and tested here. Contract section 3, POST.
#pragma once

#include "domain/clink_facts.h"
#include "domain/errc.h"
#include "domain/order.h"

#include <optional>
#include <variant>

namespace checkout {

/// Superseded sessions that are still watched, per order.
inline constexpr int max_superseded_sessions = 5;

struct create_intent {
    recorded_terms terms;
    std::string fingerprint; ///< of terms
    bool supersede = false;
};

/// A question put to Clink within this request, after the order was found to need one.
struct asked_session {
    attempt_id attempt;
    bool answered = false;
};

struct begin_attempt {
    int attempt = 0; ///< number of the new attempt
    std::optional<attempt_id>
        lapsed; ///< an attempt whose lease ran out: becomes dark in the same transaction
    std::optional<attempt_id> supersedes; ///< the current session, replaced when the new one is released
};
struct replay_session {
    attempt_id attempt;
};
struct wait_for_winner {
    attempt_id attempt;
};
struct ask_clink_first {
    attempt_id attempt;
};

using create_decision =
    std::variant<begin_attempt, replay_session, wait_for_winner, ask_clink_first, failure>;

/// Decides on `order`. `asked` is the question already asked in this request, if any: the same session is not
/// asked twice, and no answer refuses whatever needed one.
create_decision decide_create(const order_record& order, const create_intent& intent,
                              const std::optional<asked_session>& asked);

/// What the caller is told of a refusal by Clink, or of a request that never reached it.
failure failure_of_refusal(const clink_refusal& refusal);

/// What the callers who waited for an attempt are told when it failed: the winner's own answer, read off the
/// record. Nothing while the attempt is being created or when it was released.
std::optional<failure> failure_of_attempt(const session_record& session);

/// refusal_code of an attempt whose request never reached Clink.
inline constexpr std::string_view never_sent_code = "never_sent";
/// refusal_code of a dark attempt whose answer echoed something else than was asked; refusal_message names
/// the field.
inline constexpr std::string_view answer_mismatch_code = "answer_mismatch";

/// What differs between the session that Clink says it made and the terms asked for: the amount (the 100×
/// mistake above all), the currency or the reference. Nothing when all that it echoes is right.
struct echo_difference {
    std::string field; ///< "originalAmount", "originalCurrency" or "merchantReferenceId"
    std::string asked;
    std::string echoed;
};
std::optional<echo_difference> find_echo_difference(const merchant_order_id& order, const money& asked,
                                                    const created_session& answer);

} // namespace checkout
