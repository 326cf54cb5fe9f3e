#include "clink/host_lookup.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace checkout {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct host_lookup::question {
    bool answered = false;
    host_addresses answer;
    std::vector<std::shared_ptr<asio::steady_timer>> waiting;
};

host_lookup::host_lookup(asio::any_io_executor executor, const clink_base& base)
    : base_(base),
      resolver_(std::move(executor)) {
    error_code not_an_address;
    const auto address = asio::ip::make_address(base_.host, not_an_address);
    if (!not_an_address)
        literal_.emplace_back(address, static_cast<std::uint16_t>(std::stoi(base_.port)));
}

asio::awaitable<host_addresses> host_lookup::find(std::shared_ptr<host_lookup> lookup,
                                                  std::chrono::steady_clock::time_point deadline) {
    if (!lookup->literal_.empty())
        co_return host_addresses{{}, lookup->literal_};
    const auto asked = lookup->ask();
    const auto timer = std::make_shared<asio::steady_timer>(lookup->resolver_.get_executor(), deadline);
    asked->waiting.push_back(timer);
    co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
    if (!asked->answered)
        co_return host_addresses{asio::error::timed_out, {}};
    co_return asked->answer;
}

void host_lookup::turn_away() {
    if (const auto under_way = asked_.lock(); under_way && !under_way->answered)
        for (const auto& timer : under_way->waiting)
            timer->cancel();
}

std::shared_ptr<host_lookup::question> host_lookup::ask() {
    if (auto under_way = asked_.lock(); under_way && !under_way->answered)
        return under_way;
    const auto asked = std::make_shared<question>();
    asked_ = asked;
    resolver_.async_resolve(base_.host, base_.port,
                            [asked](error_code error, tcp::resolver::results_type found) {
                                asked->answered = true;
                                asked->answer.error = error;
                                for (const auto& entry : found)
                                    asked->answer.endpoints.push_back(entry.endpoint());
                                for (const auto& timer : asked->waiting)
                                    timer->cancel();
                            });
    return asked;
}

} // namespace checkout
