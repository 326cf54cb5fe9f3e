// What a merchant does with an order besides selling it: giving it up.
#pragma once

#include "domain/errc.h"
#include "domain/order.h"
#include "observe/call_context.h"
#include "storage/order_store.h"
#include "storage/settlement_store.h"

#include <boost/asio/awaitable.hpp>

namespace checkout {

class order_desk {
public:
    order_desk(order_store& orders, settlement_store& settlements)
        : orders_(orders),
          settlements_(settlements) {}

    /// Idempotent. Fails with order_not_found and order_already_paid. Released sessions stay payable at Clink
    /// and watched; a create in flight is fenced at its release. Throws database_unavailable.
    boost::asio::awaitable<result<order_record>> cancel(merchant_order_id id, call_context context);

private:
    order_store& orders_;
    settlement_store& settlements_;
};

} // namespace checkout
