#include "http/tls_stream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <sys/socket.h>
#include <utility>

namespace checkout {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t most_in_turn = 256 * 1024; ///< bytes read without a pause
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL, and keeps the number of a descriptor that may be
// somebody else's by then.

int socket_of(BIO* bio) {
    return static_cast<tcp::socket*>(BIO_get_data(bio))->native_handle(); // -1 once it is closed
}

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int write_socket(BIO* bio, const char* from, std::size_t size, std::size_t* written) {
    BIO_clear_retry_flags(bio);
    const auto count = ::send(socket_of(bio), from, size, MSG_NOSIGNAL);
    if (count < 0 && would_block())
        BIO_set_retry_write(bio);
    *written = count > 0 ? static_cast<std::size_t>(count) : 0;
    return count > 0 ? 1 : 0;
}

int read_socket(BIO* bio, char* into, std::size_t size, std::size_t* read) {
    BIO_clear_retry_flags(bio);
    errno = 0;
    const auto count = ::recv(socket_of(bio), into, size, 0);
    if (count < 0 && would_block())
        BIO_set_retry_read(bio);
    *read = count > 0 ? static_cast<std::size_t>(count) : 0;
    return count > 0 ? 1 : 0;
}

long control_socket(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0; // there is nothing to flush, and nothing else that is asked for
}

/// One for the process; never freed.
BIO_METHOD* socket_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "accepted socket");
        if (made == nullptr)
            throw std::bad_alloc();
        BIO_meth_set_write_ex(made, write_socket);
        BIO_meth_set_read_ex(made, read_socket);
        BIO_meth_set_ctrl(made, control_socket);
        return made;
    }();
    return method;
}

struct session_free {
    void operator()(SSL* session) const { SSL_free(session); }
};
using session_ptr = std::unique_ptr<SSL, session_free>;

session_ptr make_session(SSL_CTX* context, tcp::socket& socket) {
    session_ptr session(SSL_new(context));
    BIO* const bio = session ? BIO_new(socket_method()) : nullptr;
    if (bio == nullptr)
        throw std::bad_alloc();
    BIO_set_data(bio, &socket);
    BIO_set_init(bio, 1);
    SSL_set_bio(session.get(), bio, bio);
    SSL_set_accept_state(session.get());
    return session;
}

class tls_stream final : public byte_stream {
public:
    tls_stream(tcp::socket socket, SSL_CTX* context)
        : socket_(std::move(socket)),
          session_(make_session(context, socket_)) {
        socket_.non_blocking(true);
    }

    asio::awaitable<error_code> open() override {
        while (true) {
            ERR_clear_error();
            const int done = SSL_do_handshake(session_.get());
            if (done == 1)
                co_return error_code();
            if (const auto failed = co_await wait_after(done))
                co_return failed;
        }
    }

    asio::awaitable<read_result> read_some(asio::mutable_buffer into) override {
        while (true) {
            std::size_t count = 0;
            ERR_clear_error();
            const int done = SSL_read_ex(session_.get(), into.data(), into.size(), &count);
            if (done == 1) {
                read_in_turn_ += count;
                if (read_in_turn_ >= most_in_turn)
                    co_await give_way();
                co_return read_result{{}, count};
            }
            if (const auto failed = co_await wait_after(done))
                co_return read_result{failed, 0};
        }
    }

    asio::awaitable<error_code> write_all(std::array<asio::const_buffer, 2> pieces) override {
        for (auto rest : pieces) {
            while (rest.size() > 0) {
                std::size_t count = 0;
                ERR_clear_error();
                const int done = SSL_write_ex(session_.get(), rest.data(), rest.size(), &count);
                if (done == 1)
                    rest += count;
                else if (const auto failed = co_await wait_after(done))
                    co_return failed;
            }
        }
        co_await give_way();
        co_return error_code();
    }

    asio::awaitable<void> finish_writing() override {
        while (true) {
            ERR_clear_error();
            const int done = SSL_shutdown(session_.get());
            if (done >= 0 || SSL_get_error(session_.get(), done) != SSL_ERROR_WANT_WRITE)
                break;
            if (co_await wait_after(done))
                break;
        }
        error_code ignored;
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
    }

    bool has_client_certificate() override {
        return SSL_get0_peer_certificate(session_.get()) != nullptr
               && SSL_get_verify_result(session_.get()) == X509_V_OK;
    }

    tcp::socket& socket() override { return socket_; }

private:
    /// To everybody else on the thread, after each answer and whenever much was read: a peer whose next
    /// bytes are always there would otherwise keep the thread for itself.
    asio::awaitable<void> give_way() {
        read_in_turn_ = 0;
        co_await asio::post(socket_.get_executor(), asio::use_awaitable);
    }

    /// Until what OpenSSL did not get done can go on; or why it cannot.
    asio::awaitable<error_code> wait_after(int done) {
        const int reason = SSL_get_error(session_.get(), done);
        if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE)
            co_return describe(reason, errno);
        if (!socket_.is_open())
            co_return asio::error::operation_aborted;
        read_in_turn_ = 0;
        const auto ready = reason == SSL_ERROR_WANT_READ ? tcp::socket::wait_read : tcp::socket::wait_write;
        const auto [ec] = co_await socket_.async_wait(ready, as_result);
        co_return ec;
    }

    static error_code describe(int reason, int system_error) {
        if (reason == SSL_ERROR_SSL)
            return error_code(static_cast<int>(ERR_get_error()), asio::error::get_ssl_category());
        if (reason == SSL_ERROR_SYSCALL && system_error != 0)
            return error_code(system_error, asio::error::get_system_category());
        return asio::error::eof;
    }

    tcp::socket socket_;
    session_ptr session_; ///< uses the socket
    std::size_t read_in_turn_ = 0;
};

} // namespace

std::unique_ptr<byte_stream> make_tls_stream(tcp::socket socket, asio::ssl::context& context) {
    return std::make_unique<tls_stream>(std::move(socket), context.native_handle());
}

} // namespace checkout
