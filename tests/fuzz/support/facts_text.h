// What Clink's facts say, as text: two readings are the same when their texts are. Also the bounds that every
// fact keeps whatever Clink sent, because each of them ends in a column of the database.
#pragma once

#include "domain/clink_facts.h"

#include <string>

namespace checkout {

std::string text_of(const created_session& created);
std::string text_of(const session_facts& session);
std::string text_of(const order_facts& order);
std::string text_of(const order_page& page);
std::string text_of(const refund_facts& refund);
std::string text_of(const dispute_facts& dispute);

/// "nothing" for nothing.
template <class Facts>
std::string text_of(const std::optional<Facts>& facts) {
    return facts ? text_of(*facts) : "nothing";
}

} // namespace checkout
