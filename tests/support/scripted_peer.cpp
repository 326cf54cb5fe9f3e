#include "support/scripted_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace checkout::test {
namespace {

constexpr std::chrono::seconds patience{10};

void require(bool holds, const char* what) {
    if (!holds)
        throw std::runtime_error(std::string("scripted peer: ") + what + ": " + std::strerror(errno));
}

void set_patience(int socket) {
    const timeval limit{patience.count(), 0};
    require(setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0, "SO_RCVTIMEO");
    require(setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0, "SO_SNDTIMEO");
}

std::size_t content_length(const seen_request& request) {
    const auto value = request.header("content-length");
    return value ? std::stoul(*value) : 0;
}

tls_context_ptr make_context(const peer_options& options) {
    if (!options.shown)
        return nullptr;
    tls_context_ptr context(SSL_CTX_new(TLS_server_method()));
    require(SSL_CTX_use_certificate(context.get(), options.shown->certificate.get()) == 1, "certificate");
    require(SSL_CTX_use_PrivateKey(context.get(), options.shown->key.get()) == 1, "key");
    SSL_CTX_set_security_level(context.get(), 0); // below it the versions before TLS 1.2 cannot be offered
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context.get(), options.greatest_tls_version);
    return context;
}

} // namespace

std::string seen_request::line() const {
    return head.substr(0, head.find("\r\n"));
}

std::optional<std::string> seen_request::header(std::string_view name) const {
    for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
        const auto begin = at + 2;
        const auto colon = head.find(':', begin);
        if (colon - begin != name.size() || strncasecmp(head.data() + begin, name.data(), name.size()) != 0)
            continue;
        const auto value = head.find_first_not_of(' ', colon + 1);
        return head.substr(value, head.find("\r\n", value) - value);
    }
    return std::nullopt;
}

void peer_connection::answer(int status, std::string_view body, std::string_view headers) {
    send("HTTP/1.1 " + std::to_string(status) + " Scripted\r\nContent-Length: " + std::to_string(body.size())
         + "\r\n" + std::string(headers) + "\r\n" + std::string(body));
}

class scripted_peer::socket_connection final : public peer_connection {
public:
    socket_connection(scripted_peer& peer, int socket, std::size_t number)
        : peer_(peer),
          socket_(socket),
          number_(number) {
        set_patience(socket_);
        if (!peer_.tls_)
            return;
        tls_.reset(SSL_new(peer_.tls_.get()));
        SSL_set_fd(tls_.get(), socket_);
        if (SSL_accept(tls_.get()) != 1)
            throw peer_gone("no TLS session");
    }

    seen_request read_request() override {
        seen_request request;
        request.connection = number_;
        while (unread_.find("\r\n\r\n") == std::string::npos)
            fill();
        request.head = take(unread_.find("\r\n\r\n") + 4);
        const auto length = content_length(request);
        while (unread_.size() < length)
            fill();
        request.body = take(length);
        peer_.record(request);
        return request;
    }

    void send(std::string_view bytes) override {
        while (!bytes.empty()) {
            const auto sent = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                                   : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0)
                throw peer_gone("the client takes no more");
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    void close() override {
        if (tls_)
            SSL_shutdown(tls_.get());
        ::shutdown(socket_, SHUT_RDWR);
    }

    void reset() override {
        const sockaddr unspecified{AF_UNSPEC, {}};
        require(::connect(socket_, &unspecified, sizeof unspecified) == 0, "reset");
    }

    void await_close() override {
        try {
            for (;;) {
                unread_.clear();
                fill();
            }
        } catch (const peer_gone&) {
        }
    }

private:
    void fill() {
        char bytes[4096];
        errno = 0;
        const auto count =
            tls_ ? SSL_read(tls_.get(), bytes, sizeof bytes) : ::recv(socket_, bytes, sizeof bytes, 0);
        require(count > 0 || errno != EAGAIN, "nothing came from the client");
        if (count <= 0)
            throw peer_gone("the client has closed");
        unread_.append(bytes, static_cast<std::size_t>(count));
    }

    std::string take(std::size_t count) {
        auto taken = unread_.substr(0, count);
        unread_.erase(0, count);
        return taken;
    }

    scripted_peer& peer_;
    const int socket_;
    const std::size_t number_;
    std::unique_ptr<SSL, freed_by<SSL_free>> tls_;
    std::string unread_;
};

scripted_peer::scripted_peer(std::vector<script> scripts, peer_options options)
    : scripts_(std::move(scripts)),
      tls_(make_context(options)),
      finished_(scripts_.size()) {
    std::signal(SIGPIPE, SIG_IGN); // SSL_write has no MSG_NOSIGNAL
    sockaddr_in address{};
    address.sin_family = AF_INET;
    require(inet_pton(AF_INET, options.address.c_str(), &address.sin_addr) == 1, "address");
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    require(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
    require(::listen(listener_, SOMAXCONN) == 0, "listen");
    socklen_t size = sizeof address;
    require(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "getsockname");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

scripted_peer::~scripted_peer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
        const std::lock_guard lock(mutex_);
        for (const int socket : sockets_)
            ::shutdown(socket, SHUT_RDWR);
    }
    for (auto& server : servers_)
        server.join();
    ::close(listener_);
}

std::string scripted_peer::base_url(const std::string& host) const {
    return (tls_ ? "https://" : "http://") + host + ":" + std::to_string(port_) + "/api";
}

std::vector<seen_request> scripted_peer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void scripted_peer::await_requests(std::size_t count) const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return requests_.size() >= count; }))
        throw std::runtime_error("scripted peer: the requests never came");
}

void scripted_peer::await_finished(std::size_t number) const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, patience, [&] { return finished_.at(number); }))
        throw std::runtime_error("scripted peer: the script never ended");
}

void scripted_peer::accept_all() {
    for (std::size_t number = 0;; ++number) {
        const int socket = ::accept(listener_, nullptr, nullptr);
        if (socket < 0)
            return;
        ++accepted_;
        {
            const std::lock_guard lock(mutex_);
            sockets_.push_back(socket);
        }
        servers_.emplace_back([this, socket, number] { serve(socket, number); });
    }
}

void scripted_peer::serve(int socket, std::size_t number) {
    if (number < scripts_.size())
        run_script(socket, number);
    const std::lock_guard lock(mutex_);
    std::erase(sockets_, socket);
    ::close(socket);
    if (number < scripts_.size())
        finished_[number] = true;
    changed_.notify_all();
}

void scripted_peer::run_script(int socket, std::size_t number) {
    try {
        socket_connection connection(*this, socket, number);
        scripts_[number](connection);
    } catch (const peer_gone&) {
    }
}

void scripted_peer::record(seen_request request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    changed_.notify_all();
}

scripted_peer::script in_turn(std::vector<scripted_peer::script> steps) {
    return [steps = std::move(steps)](peer_connection& connection) {
        for (const auto& step : steps)
            step(connection);
    };
}

scripted_peer::script answering(int status, std::string body, std::string headers) {
    return [=](peer_connection& connection) {
        connection.read_request();
        connection.answer(status, body, headers);
    };
}

} // namespace checkout::test
