#include "twin.h"

#include "api.h"
#include "control_api.h"
#include "hosted_page.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace clink_twin {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds expiry_check{100};

twin_settings first_settings(const twin_options& options) {
    auto settings = options.settings;
    settings.api_keys = {options.api_key};
    return settings;
}

} // namespace

twin::twin(asio::io_context& io, const twin_options& options)
    : core_(first_settings(options), [this](auto events) { webhooks_.publish(events); }),
      webhooks_(io.get_executor(), core_.settings, core_.overrides),
      front_(io, {options.listen, options.certificate_file, options.key_file},
             [this](http_request request, std::uint64_t connection) {
                 return handle(std::move(request), connection);
             }) {
    auto own_url = (front_.tls() ? "https://" : "http://") + front_.address();
    core_.public_url = options.public_url.empty() ? own_url : options.public_url;
    asio::co_spawn(io, expire(), asio::detached);
    front_.start();
}

asio::awaitable<wire_reply> twin::handle(http_request request, std::uint64_t connection) {
    if (request.path.starts_with("/api/"))
        co_return co_await handle_api(core_, std::move(request), connection);
    wire_reply reply;
    if (request.path.starts_with("/control/"))
        reply.answer = co_await handle_control(core_, webhooks_, front_, std::move(request));
    else
        reply.answer = handle_page(core_, request);
    co_return reply;
}

/// Sessions expire by the clock also while nobody asks, so that session.expired is sent.
asio::awaitable<void> twin::expire() {
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (;;) {
        timer.expires_after(expiry_check);
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        core_.state.expire_due(now());
    }
}

} // namespace clink_twin
