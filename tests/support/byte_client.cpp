#include "support/byte_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace checkout::test {

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

byte_client::byte_client(std::uint16_t port, int receive_buffer_bytes)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (receive_buffer_bytes > 0)
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes, sizeof receive_buffer_bytes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        close();
        fail("connect");
    }
}

byte_client::~byte_client() {
    close();
}

void byte_client::close() {
    if (socket_ >= 0)
        ::close(std::exchange(socket_, -1));
}

void byte_client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0)
            fail("send");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

bool byte_client::fill() {
    std::array<char, 65536> piece;
    const auto count = ::recv(socket_, piece.data(), piece.size(), 0);
    if (count < 0 && errno != ECONNRESET)
        fail("recv");
    reset_ = count < 0;
    unread_.append(piece.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
    return count > 0;
}

std::string byte_client::take(std::size_t count) {
    auto taken = unread_.substr(0, count);
    unread_.erase(0, count);
    return taken;
}

std::string byte_client::read(std::size_t count) {
    while (unread_.size() < count)
        if (!fill())
            throw std::runtime_error("the peer ended the connection after \"" + unread_ + "\"");
    return take(count);
}

std::string byte_client::read_until(std::string_view end) {
    std::size_t found = 0;
    while ((found = unread_.find(end)) == std::string::npos)
        if (!fill())
            throw std::runtime_error("the peer ended the connection after \"" + unread_ + "\"");
    return take(found + end.size());
}

byte_client::rest byte_client::read_to_end() {
    while (fill()) {
    }
    return {std::move(unread_), reset_};
}

} // namespace checkout::test
