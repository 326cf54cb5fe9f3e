// The life of an attempt: begun (its intent committed before Clink is called), then released, refused or
// dark. Every operation is one transaction; uniqueness and the order's version decide races, never a lock
// held across a call.
#pragma once

#include "domain/settle.h"
#include "storage/database.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>

namespace checkout {

/// What is committed before Clink is asked to create a session.
struct attempt_intent {
    attempt_id id;
    merchant_order_id order_id;
    checkout_terms terms;
    recorded_terms recorded;
    std::string fingerprint;
    std::chrono::milliseconds lease; ///< by the database's clock
    std::string request_id;
};

/// An attempt that is ours to finish.
struct begun_attempt {
    order_key order{};
    attempt_id id;
    int attempt = 0;
    std::int64_t generation = 0; ///< fences a process that comes back after its lease was taken
};

/// Which order an attempt is begun on, and on what view of it.
struct next_attempt {
    order_key order{};
    std::int64_t version = 0; ///< of the view that the decision was made on
    int attempt = 0;
    std::optional<attempt_id> lapsed;     ///< turned dark in the same transaction
    std::optional<attempt_id> supersedes; ///< replaced when the new one is released
};

/// What Clink answered, to be released.
struct released_handle {
    clink_session_id session_id;
    std::optional<std::string> url;
    std::optional<std::string> customer_id;
    std::optional<instant> expire_time;
};

/// How an attempt ended without being released.
struct unreleased_end {
    session_status status = session_status::dark; ///< dark or refused
    std::optional<std::string> refusal_code;      ///< with refused
    std::optional<std::string> refusal_message;
    std::optional<clink_session_id> session_id;   ///< when Clink named one all the same
    std::optional<discrepancy_draft> discrepancy; ///< opened with it
};

/// The exchange as the event row keeps it.
struct exchange_record {
    std::map<std::string, std::string> data; ///< outcome, status, code, message, duration …
    std::string clink_body;                  ///< sanitised JSON or empty
    std::string request_id;
};

class attempt_store {
public:
    /// `first_check`: how long after its release, or its end, an attempt is first asked about.
    explicit attempt_store(database& db, std::chrono::milliseconds first_check = std::chrono::seconds(5))
        : db_(db),
          first_check_(first_check) {}

    /// The first attempt of a new order: order, attempt and event in one statement. Nothing when the order
    /// exists.
    boost::asio::awaitable<std::optional<begun_attempt>> begin_first(attempt_intent intent);
    /// A further attempt. Nothing when the order changed since `next.version`.
    boost::asio::awaitable<std::optional<begun_attempt>> begin_next(attempt_intent intent, next_attempt next);
    /// Makes the handle the order's current one and supersedes `supersedes`. Nothing when the attempt was
    /// fenced: its lease was taken, the order was cancelled or paid, or Clink's session id is another
    /// attempt's.
    boost::asio::awaitable<std::optional<session_record>> release(begun_attempt attempt,
                                                                  released_handle handle,
                                                                  std::optional<attempt_id> supersedes,
                                                                  exchange_record record);
    /// Ends the attempt unreleased. A fenced attempt keeps its status and only learns Clink's session id;
    /// false when even that changed nothing.
    boost::asio::awaitable<bool> close(begun_attempt attempt, unreleased_end end, exchange_record record);

    /// Turns an attempt dark whose lease ran out. False when it did not, or when the attempt ended meanwhile.
    boost::asio::awaitable<bool> lapse(order_key order, attempt_id attempt);
    /// Asks that the attempt's end be notified to every replica (attempt_listener.h). False when somebody has
    /// asked already or it is over.
    boost::asio::awaitable<bool> await(attempt_id attempt);

private:
    boost::asio::awaitable<std::optional<begun_attempt>> try_begin_next(attempt_intent intent,
                                                                        next_attempt next);
    boost::asio::awaitable<std::optional<session_record>> try_release(begun_attempt attempt,
                                                                      released_handle handle,
                                                                      std::optional<attempt_id> supersedes,
                                                                      exchange_record record);
    boost::asio::awaitable<bool> try_close(begun_attempt attempt, unreleased_end end, exchange_record record);

    database& db_;
    const std::chrono::milliseconds first_check_;
};

} // namespace checkout
