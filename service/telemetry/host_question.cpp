#include "telemetry/host_question.h"

#include <netdb.h>

#include <cstring>
#include <thread>
#include <utility>

namespace checkout {

namespace {

using found_list = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

found_list look_up(const std::string& host, const std::string& port) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), port.c_str(), &wanted, &found) != 0)
        found = nullptr;
    return {found, freeaddrinfo};
}

host_question::addresses read_list(const addrinfo* entry) {
    host_question::addresses addresses;
    for (; entry != nullptr; entry = entry->ai_next) {
        boost::asio::ip::tcp::endpoint address;
        if (entry->ai_addrlen > address.capacity())
            continue;
        std::memcpy(address.data(), entry->ai_addr, entry->ai_addrlen);
        address.resize(entry->ai_addrlen);
        addresses.push_back(address);
    }
    return addresses;
}

} // namespace

std::shared_ptr<host_question> host_question::ask(std::string host, std::string port) {
    auto question = std::make_shared<host_question>();
    std::thread([question, host = std::move(host), port = std::move(port)] {
        question->resolve(host, port);
    }).detach();
    return question;
}

void host_question::resolve(const std::string& host, const std::string& port) {
    auto list = read_list(look_up(host, port).get());
    const std::lock_guard lock(mutex_);
    found_ = std::move(list);
    is_answered_ = true;
    if (auto tell = std::exchange(answered_, nullptr))
        tell();
}

void host_question::tell(std::function<void()> answered) {
    const std::lock_guard lock(mutex_);
    if (is_answered_)
        answered();
    else
        answered_ = std::move(answered);
}

void host_question::forget() {
    const std::lock_guard lock(mutex_);
    answered_ = nullptr;
}

bool host_question::is_answered() const {
    const std::lock_guard lock(mutex_);
    return is_answered_;
}

host_question::addresses host_question::found() const {
    const std::lock_guard lock(mutex_);
    return found_;
}

} // namespace checkout
