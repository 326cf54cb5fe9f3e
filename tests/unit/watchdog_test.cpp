#include "http/watchdog.h"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <memory>

using namespace checkout;
using namespace std::chrono_literals;

namespace {

struct guarded {
    explicit guarded(boost::asio::io_context& io) : timer(io.get_executor(), [this] { ++calls; }) {}

    watchdog timer;
    int calls = 0;
};

std::shared_ptr<guarded> make_guarded(boost::asio::io_context& io) {
    auto made = std::make_shared<guarded>(io);
    made->timer.guard(made);
    return made;
}

} // namespace

TEST_SUITE("watchdog") {
    TEST_CASE("a deadline that passes is told, again and again until it is replaced") {
        boost::asio::io_context io;
        const auto owner = make_guarded(io);
        owner->timer.arm(1ms);
        CHECK_FALSE(owner->timer.expired());
        while (owner->calls < 2)
            io.run_one_for(10s);
        CHECK(owner->timer.expired());
        owner->timer.disarm();
        CHECK_FALSE(owner->timer.expired());
        CHECK(io.run_for(10s) == 1); // the wait that was under way; nothing is left after it
        CHECK(owner->calls == 2);
    }

    TEST_CASE("an earlier deadline replaces a later one, and the reverse") {
        boost::asio::io_context io;
        const auto owner = make_guarded(io);
        owner->timer.arm(1h);
        owner->timer.arm(1ms);
        while (!owner->timer.expired())
            io.run_one_for(10s);
        CHECK(owner->calls == 1);

        owner->timer.arm(1ms);
        owner->timer.arm(1h);
        io.run_for(100ms);
        CHECK_FALSE(owner->timer.expired());
        CHECK(owner->calls == 1);
    }

    TEST_CASE("an owner that is gone is not called") {
        boost::asio::io_context io;
        auto owner = make_guarded(io);
        owner->timer.arm(1ms);
        owner.reset();
        CHECK(io.run_for(10s) == 1);
    }
}
