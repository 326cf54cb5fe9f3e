// A twin on a thread of its own, a receiver for its webhooks, and a blocking client that sees every byte.
#pragma once

#include "json_access.h"
#include "twin.h"

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace clink_twin {

/// What came back on the wire, and how the connection ended (asio::error::eof is orderly).
struct raw_answer {
    unsigned status = 0; ///< 0: no whole status line came
    std::string head;
    std::string body;
    boost::system::error_code end;

    json_value json() const; ///< fails the test when the body is no JSON
    std::string header(std::string_view name) const;
};

class running_twin {
public:
    explicit running_twin(std::function<void(twin_options&)> change = {});
    ~running_twin();

    /// One request on a connection of its own; `headers` are whole lines with CRLF.
    raw_answer send(const std::string& method, const std::string& target, const std::string& body = {},
                    const std::string& headers = {}) const;
    /// The same below /api with a good key and timestamp.
    raw_answer api(const std::string& method, const std::string& path, const std::string& body = {}) const;
    /// The same below /control; fails the test unless it is 200.
    json_value control(const std::string& method, const std::string& path,
                       const std::string& body = {}) const;
    /// A session of USD 49.90 as the create call answered it.
    json_value create(const std::string& reference = "order-1") const;

    struct received {
        std::string timestamp;
        std::string signature;
        std::string body;
    };
    /// Webhooks that came in, in their order.
    std::vector<received> webhooks() const;
    std::vector<std::string> webhook_types() const;
    /// What the receiver answers from now on.
    void answer_webhooks(unsigned status, std::string body = {});

private:
    boost::asio::awaitable<wire_reply> receive(http_request request);

    boost::asio::io_context io_;
    mutable std::mutex mutex_; ///< guards what follows
    std::vector<received> received_;
    unsigned webhook_status_ = 200;
    std::string webhook_body_;

    listener receiver_;
    std::unique_ptr<twin> twin_;
    std::thread thread_;
};

std::string text_at(const json_value& tree, std::initializer_list<std::string_view> path);

} // namespace clink_twin
