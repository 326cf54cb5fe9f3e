// Writes what a settlement changes, with the session's next check planned: the one way into settlement_store
// for everything that asked Clink. Used on the I/O thread only.
#pragma once

#include "domain/check_schedule.h"
#include "domain/settle.h"
#include "storage/settlement_store.h"

#include <boost/asio/awaitable.hpp>

namespace checkout {

/// How often a settlement is made anew against others who change the same order.
inline constexpr int settle_tries = 5;

class settle_door {
public:
    settle_door(settlement_store& settlements, check_policy policy)
        : settlements_(settlements),
          policy_(std::move(policy)) {}

    /// `change` was made from `order`. False: the order changed meanwhile, or it is not known whether this
    /// was written; read the order, ask Clink and settle again. Throws database_unavailable.
    boost::asio::awaitable<bool> pass(const order_record& order, settlement change,
                                      settlement_evidence found);

    const check_policy& policy() const { return policy_; }

private:
    settlement_store& settlements_;
    const check_policy policy_;
};

} // namespace checkout
