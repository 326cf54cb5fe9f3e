// What each operation of the API does: reads the request, calls the use case, writes the answer. One function
// per operation; all that they share is `services`.
#pragma once

#include "checkout/checkout_creator.h"
#include "checkout/order_desk.h"
#include "checkout/session_settler.h"
#include "checkout/webhook_desk.h"
#include "domain/redirect.h"
#include "finance/export_desk.h"
#include "finance/feed_reader.h"
#include "http/api_tokens.h"
#include "http/create_request.h"
#include "http/message.h"
#include "http/problem.h"
#include "storage/discrepancy_store.h"
#include "storage/order_store.h"
#include "storage/report_store.h"
#include "storage/settlement_store.h"

#include <boost/asio/awaitable.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace checkout {

/// What the handlers work with; owned by the composition root and outliving every request.
struct services {
    checkout_creator& creator;
    session_settler& settler;
    order_desk& desk;
    webhook_desk& webhooks;
    order_store& orders;
    discrepancy_store& discrepancies;
    discrepancy_store& listed_discrepancies; ///< from where finance reads
    report_store& reports;
    export_desk& exports;
    feed_reader& feed;
    settlement_store& settlements;
    const redirect_signer* signer = nullptr; ///< nothing: no redirects are served
    create_request_policy create_policy;
    std::string_view openapi;
};

/// A request that has been admitted.
struct call {
    http_request request;
    std::vector<std::string> parameters; ///< of the path
    scope_set scopes;                    ///< of the caller's token
    std::string caller;                  ///< the token's name
    call_context context;
};

using reply = std::variant<http_response, problem>;
using async_reply = boost::asio::awaitable<reply>;

async_reply create_session(services& with, call request);
async_reply get_session(services& with, call request);
async_reply refresh_session(services& with, call request);
async_reply get_order(services& with, call request);
async_reply list_order_events(services& with, call request);
async_reply explain_order(services& with, call request);
async_reply cancel_order(services& with, call request);
async_reply list_payments(services& with, call request);
async_reply list_sessions(services& with, call request);
async_reply list_refunds(services& with, call request);
async_reply read_feed(services& with, call request);
async_reply summarise(services& with, call request);
async_reply resolve_discrepancy(services& with, call request);
async_reply list_discrepancies(services& with, call request);
async_reply checkout_success(services& with, call request);
async_reply checkout_cancel(services& with, call request);
async_reply receive_webhook(services& with, call request);
async_reply get_openapi(services& with, call request);
async_reply get_docs(services& with, call request);

} // namespace checkout
