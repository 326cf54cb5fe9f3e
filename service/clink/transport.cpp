#include "clink/transport.h"

#include "clink/connection_pool.h"
#include "clink/deadline.h"
#include "clink/host_lookup.h"

#include <boost/asio/ssl/context.hpp>

#include <optional>
#include <stdexcept>
#include <vector>

namespace checkout {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::optional<asio::ssl::context> make_tls_context(const transport_options& options) {
    if (!options.base.tls)
        return std::nullopt;
    asio::ssl::context context(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    context.set_verify_mode(asio::ssl::verify_peer);
    error_code error;
    context.set_default_verify_paths(error);
    if (!error && !options.ca_file.empty())
        context.load_verify_file(options.ca_file, error);
    if (error)
        throw std::runtime_error("the certificate authorities to trust cannot be read: " + error.message());
    return context;
}

transport_result failed(transport_phase phase, error_code error) {
    transport_result result;
    result.phase = phase;
    result.error = error;
    return result;
}

} // namespace

class clink_transport::impl {
public:
    impl(asio::any_io_executor executor, const transport_options& options)
        : executor_(executor),
          tls_(make_tls_context(options)),
          settings_{tls_ ? &*tls_ : nullptr, options.base.host, options.answer_bytes},
          lookup_(std::make_shared<host_lookup>(executor, options.base)),
          pool_(std::make_shared<clink_connection_pool>(
              executor, pool_limits{options.connections, options.idle_time})) {}

    static asio::awaitable<transport_result> exchange(std::shared_ptr<impl> self, transport_request request,
                                                      clock::time_point deadline, milliseconds max_idle);
    void close() { pool_->close(); }
    void abandon() {
        abandoned_ = true;
        watches_.expire_all();
        pool_->turn_away();
        lookup_->turn_away();
    }
    bool abandoned() const { return abandoned_; }

private:
    static asio::awaitable<transport_result>
    open(std::shared_ptr<impl> self, std::shared_ptr<clink_connection> opening, clock::time_point deadline);
    static asio::awaitable<error_code> connect(std::shared_ptr<impl> self,
                                               std::shared_ptr<clink_connection> opening,
                                               std::vector<tcp::endpoint> endpoints,
                                               clock::time_point deadline);

    const asio::any_io_executor executor_;
    std::optional<asio::ssl::context> tls_; ///< nothing: plain
    const connection_settings settings_;
    const std::shared_ptr<host_lookup> lookup_;
    const std::shared_ptr<clink_connection_pool> pool_;
    deadline_board watches_;
    bool abandoned_ = false;

    bool is_over(clock::time_point deadline) const { return abandoned_ || clock::now() >= deadline; }
};

asio::awaitable<transport_result> clink_transport::impl::exchange(std::shared_ptr<impl> self,
                                                                  transport_request request,
                                                                  clock::time_point deadline,
                                                                  milliseconds max_idle) {
    if (self->abandoned_)
        co_return failed(transport_phase::waiting, asio::error::timed_out);
    auto lease = co_await clink_connection_pool::acquire(self->pool_, deadline, max_idle);
    if (!lease || self->abandoned_)
        co_return failed(transport_phase::waiting, asio::error::timed_out);
    const bool reused = lease->held() != nullptr;
    if (!reused) {
        lease->hold(make_connection(self->executor_, self->settings_));
        auto opened = co_await open(self, lease->held(), deadline);
        if (opened.error)
            co_return opened;
    }
    // Nothing may be written past this point in time: a request that is not begun is a request never sent.
    if (self->is_over(deadline))
        co_return failed(transport_phase::waiting, asio::error::timed_out);

    deadline_watch watch(self->watches_, self->executor_, deadline, lease->held());
    auto result = co_await lease->held()->exchange(std::move(request));
    result.reused_connection = reused;
    if (result.error && watch.expired())
        result.error = asio::error::timed_out;
    if (result.phase == transport_phase::finished)
        lease->keep_connection();
    co_return result;
}

// Everything before the first byte of the request; without error the connection is ready for it.
asio::awaitable<transport_result> clink_transport::impl::open(std::shared_ptr<impl> self,
                                                              std::shared_ptr<clink_connection> opening,
                                                              clock::time_point deadline) {
    auto addresses = co_await host_lookup::find(self->lookup_, deadline);
    if (addresses.error)
        co_return failed(transport_phase::resolving, addresses.error);
    if (self->is_over(deadline))
        co_return failed(transport_phase::resolving, asio::error::timed_out);

    const auto error = co_await connect(self, opening, std::move(addresses.endpoints), deadline);
    if (error)
        co_return failed(transport_phase::connecting, error);

    deadline_watch watch(self->watches_, self->executor_, deadline, opening);
    auto result = co_await opening->handshake();
    if (watch.expired())
        result.error = asio::error::timed_out;
    co_return result;
}

// Each address gets an equal share of the time left, so that one that swallows packets leaves some for the
// next.
asio::awaitable<error_code> clink_transport::impl::connect(std::shared_ptr<impl> self,
                                                           std::shared_ptr<clink_connection> opening,
                                                           std::vector<tcp::endpoint> endpoints,
                                                           clock::time_point deadline) {
    error_code error = asio::error::host_not_found;
    for (std::size_t tried = 0; tried < endpoints.size(); ++tried) {
        const auto now = clock::now();
        const auto shares = static_cast<int>(endpoints.size() - tried);
        deadline_watch watch(self->watches_, self->executor_, now + (deadline - now) / shares, opening);
        error = co_await opening->connect(endpoints[tried]);
        if (watch.expired())
            error = asio::error::timed_out;
        if (!error || self->abandoned_)
            break;
    }
    co_return error;
}

clink_transport::clink_transport(asio::io_context& io, transport_options options)
    : impl_(std::make_shared<impl>(io.get_executor(), options)) {}

clink_transport::~clink_transport() {
    close();
}

asio::awaitable<transport_result>
clink_transport::exchange(transport_request request, clock::time_point deadline, milliseconds max_idle) {
    return impl::exchange(impl_, std::move(request), deadline, max_idle);
}

void clink_transport::close() {
    impl_->close();
}

void clink_transport::abandon() {
    impl_->abandon();
}

bool clink_transport::abandoned() const {
    return impl_->abandoned();
}

} // namespace checkout
