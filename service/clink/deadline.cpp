#include "clink/deadline.h"

#include <boost/asio/steady_timer.hpp>

namespace checkout {

struct deadline_watch::state {
    boost::asio::steady_timer timer;
    std::shared_ptr<clink_connection> watched;
    bool expired = false;
};

deadline_watch::deadline_watch(boost::asio::any_io_executor executor,
                               std::chrono::steady_clock::time_point deadline,
                               std::shared_ptr<clink_connection> watched)
    : state_(std::make_shared<state>(
        state{boost::asio::steady_timer(std::move(executor), deadline), std::move(watched)})) {
    state_->timer.async_wait([watch = state_](boost::system::error_code error) {
        if (error || !watch->watched)
            return;
        watch->expired = true;
        watch->watched->abort();
    });
}

deadline_watch::~deadline_watch() {
    state_->watched.reset();
    state_->timer.cancel();
}

bool deadline_watch::expired() const {
    return state_->expired;
}

} // namespace checkout
