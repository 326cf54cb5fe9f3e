#include "support/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace checkout::test {

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void limit_waiting(int socket) {
    const timeval patience{.tv_sec = raw_client::patience.count(), .tv_usec = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool is_gone(int error) {
    return error == ECONNRESET || error == EPIPE || error == 0;
}

bool same_text(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

} // namespace

std::string raw_response::header(std::string_view name) const {
    std::string_view rest = head;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find("\r\n"));
        rest.remove_prefix(std::min(rest.size(), line.size() + 2));
        const std::size_t colon = line.find(": ");
        if (colon != std::string_view::npos && same_text(line.substr(0, colon), name))
            return std::string(line.substr(colon + 2));
    }
    return {};
}

raw_client::raw_client(std::uint16_t port, int receive_buffer_bytes)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (socket_ < 0)
        fail("socket");
    limit_waiting(socket_);
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

raw_client::~raw_client() {
    close();
}

raw_client::raw_client(raw_client&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      tls_(std::move(other.tls_)),
      unread_(std::move(other.unread_)) {}

raw_client& raw_client::operator=(raw_client&& other) noexcept {
    close();
    socket_ = std::exchange(other.socket_, -1);
    tls_ = std::move(other.tls_);
    unread_ = std::move(other.unread_);
    return *this;
}

bool raw_client::start_tls(SSL_CTX* context, SSL_SESSION* resumed) {
    tls_.reset(SSL_new(context));
    if (resumed != nullptr)
        SSL_set_session(tls_.get(), resumed);
    SSL_set_fd(tls_.get(), socket_);
    return SSL_connect(tls_.get()) == 1;
}

bool raw_client::try_send(std::string_view bytes) {
    while (!bytes.empty()) {
        const long sent = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                               : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            if (tls_ || is_gone(errno))
                return false;
            fail("send");
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void raw_client::send(std::string_view bytes) {
    if (!try_send(bytes))
        throw std::runtime_error("the peer closed the connection before all was sent");
}

void raw_client::finish_sending() {
    ::shutdown(socket_, SHUT_WR);
}

void raw_client::close() {
    tls_.reset();
    if (socket_ >= 0)
        ::close(std::exchange(socket_, -1));
}

std::size_t raw_client::receive(char* into, std::size_t size) {
    errno = 0;
    const long count =
        tls_ ? SSL_read(tls_.get(), into, static_cast<int>(size)) : ::recv(socket_, into, size, 0);
    if (count > 0)
        return static_cast<std::size_t>(count);
    if (!is_gone(errno))
        fail("recv");
    return 0;
}

bool raw_client::fill() {
    std::array<char, 16384> piece;
    const std::size_t count = receive(piece.data(), piece.size());
    unread_.append(piece.data(), count);
    return count > 0;
}

raw_response raw_client::read_response(bool has_body) {
    raw_response response;
    std::size_t end = 0;
    while ((end = unread_.find("\r\n\r\n")) == std::string::npos) {
        if (!fill())
            throw std::runtime_error("the peer closed the connection before an answer: \"" + unread_ + "\"");
    }
    response.head = unread_.substr(0, end + 4);
    unread_.erase(0, end + 4);
    response.status = static_cast<unsigned>(std::stoul(response.head.substr(9, 3)));
    const std::string length = response.header("Content-Length");
    const std::size_t expected = has_body && !length.empty() ? std::stoul(length) : 0;
    while (unread_.size() < expected) {
        if (!fill())
            throw std::runtime_error("the peer closed the connection within an answer");
    }
    response.body = unread_.substr(0, expected);
    unread_.erase(0, expected);
    return response;
}

bool raw_client::is_closed_by_peer() {
    return unread_.empty() && !fill();
}

void raw_client::await_reset() {
    pollfd waiting{.fd = socket_, .events = 0, .revents = 0};
    const auto limit = static_cast<int>(std::chrono::milliseconds(patience).count());
    if (::poll(&waiting, 1, limit) != 1)
        throw std::runtime_error("the peer did not reset the connection");
}

} // namespace checkout::test
