#include "clink/deadline.h"

#include <boost/asio/steady_timer.hpp>

#include <utility>

namespace checkout {

struct deadline_watch::state {
    boost::asio::steady_timer timer;
    std::shared_ptr<clink_connection> watched;
    bool expired = false;

    void expire() {
        if (!watched)
            return;
        expired = true;
        watched->abort();
    }
};

void deadline_board::expire_all() {
    for (auto* watch : running_)
        watch->expire();
}

deadline_watch::deadline_watch(deadline_board& board, boost::asio::any_io_executor executor,
                               std::chrono::steady_clock::time_point deadline,
                               std::shared_ptr<clink_connection> watched)
    : board_(board),
      state_(std::make_shared<state>(
          state{boost::asio::steady_timer(std::move(executor), deadline), std::move(watched)})) {
    board_.running_.insert(this);
    state_->timer.async_wait([watch = state_](boost::system::error_code error) {
        if (!error)
            watch->expire();
    });
}

deadline_watch::~deadline_watch() {
    board_.running_.erase(this);
    state_->watched.reset();
    state_->timer.cancel();
}

bool deadline_watch::expired() const {
    return state_->expired;
}

void deadline_watch::expire() {
    state_->expire();
}

} // namespace checkout
