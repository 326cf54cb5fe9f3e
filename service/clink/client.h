// The client of Clink's API: connections, deadlines, and the one function that says what an exchange came to.
// Makes no decision about orders and stores nothing. Runs on the io_context it was given, which one thread
// runs.
#pragma once

#include "clink/create_command.h"
#include "clink/exchange.h"
#include "domain/clink_facts.h"
#include "domain/ids.h"
#include "observe/call_context.h"
#include "observe/tracer.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace checkout {

struct clink_options {
    std::string base_url; ///< e.g. "https://uat-api.clinkbill.com/api"; http:// was allowed by settings to
                          ///< loopback only
    std::string api_key;  ///< raw bytes; goes into X-API-KEY and nowhere else
    std::string ca_file;  ///< extra trust anchor, PEM; empty: the system's store alone
    std::chrono::milliseconds timeout{
        10'000}; ///< whole exchange: name lookup, connect, TLS, write, read, retries
    std::size_t answer_bytes = 1024 * 1024; ///< a longer answer is an unknown outcome
    std::size_t connections = 256; ///< at once; an exchange past it waits inside its deadline, never sent;
                                   ///< where 256 wait, one more is over at once
    std::string version = "dev";   ///< of this service, for the User-Agent header
    tracer tracing;                ///< a span for each try
};

/// No member throws for anything that Clink or the network does. An exchange may outlive its client. While
/// idle connections are kept (30 s at most), io_context::run does not return; close() ends that.
class clink_client {
public:
    /// Throws std::runtime_error with a sentence when the CA file, the base URL or the key cannot be used.
    clink_client(boost::asio::io_context& io, clink_options options);
    ~clink_client();
    clink_client(const clink_client&) = delete;
    clink_client& operator=(const clink_client&) = delete;

    /// POST /checkout/session. Sent again only while it was never sent; uses a connection idle under 2 s or a
    /// new one.
    boost::asio::awaitable<clink_exchange<created_session>> create_session(create_command command);
    /// GET /checkout/session/{id}. GETs are retried with jitter inside the deadline, three tries at most. An
    /// answer that names another session is unreadable, so its outcome is unknown.
    boost::asio::awaitable<clink_exchange<session_facts>> get_session(clink_session_id id,
                                                                      call_context context = {});
    /// GET /order/{id}. Likewise.
    boost::asio::awaitable<clink_exchange<order_facts>> get_order(clink_order_id id,
                                                                  call_context context = {});
    /// GET /order?merchantReferenceId=…: rows are as Clink sent them, the caller checks that they are its
    /// own.
    boost::asio::awaitable<clink_exchange<order_page>>
    list_orders(merchant_order_id reference, int page_number, int page_size, call_context context = {});

    /// GET /order, all of the merchant's.
    boost::asio::awaitable<clink_exchange<order_page>> list_all_orders(int page_number, int page_size,
                                                                       call_context context = {});

    /// GET /refund/{id}. Likewise.
    boost::asio::awaitable<clink_exchange<refund_facts>> get_refund(clink_refund_id id,
                                                                    call_context context = {});

    /// Closes idle connections and keeps none from now on; exchanges under way finish.
    void close();
    /// Lets the deadline of every exchange come now, also of those that are begun later: one of which
    /// something may have been sent has an unknown outcome, the others were never sent.
    void abandon();

private:
    class impl;
    std::shared_ptr<impl> impl_;
};

} // namespace checkout
